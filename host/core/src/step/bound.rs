//! A step that is bound to the columns of its input.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::{Schema, SchemaRef};

use super::pool::{ConfiguredStep, StepPool};
use crate::batch::{CheckedOutput, RowOrigins, Rows, StepOutput};
use crate::call::{CallInput, Callee, RowSearch, StepInstance};
use crate::component::{Manifest, Signature, StepKind};
use crate::failure::{Failure, FailureKind};
use crate::interrupt::Stop;
use crate::plan::{self, ColumnMismatch, Step};
use crate::source::{RowPositions, SourceSchema};

/// A step that is ready to be called, from any thread.
pub struct BoundStep {
    pub(super) pool: StepPool,
    pub(super) step: Step,
    pub(super) input: SchemaRef,
    next: AtomicU64,
}

impl ConfiguredStep {
    /// Finds the columns that the step reads in `schema`. `input` names the rows in messages, such as the path of their file.
    ///
    /// # Errors
    /// Every column that is missing or has another type.
    pub fn bind(&self, schema: &Schema, input: &str) -> Result<BoundStep, Vec<ColumnMismatch>> {
        let columns: SchemaRef = Arc::new(schema.clone());
        let known = SourceSchema::Known(Arc::clone(&columns));
        let bound = (Arc::clone(&self.parameters), self.signature.clone());
        let mut step = plan::standalone_step(
            Arc::clone(&self.component),
            bound,
            (self.limits.clone(), self.access.clone()),
            &known,
            input,
        )?;
        step.on_failure = self.on_failure.clone();
        step.snapshot.clone_from(&self.snapshot);
        Ok(BoundStep { pool: self.pool.clone(), step, input: columns, next: AtomicU64::new(0) })
    }
}

/// The result of one call.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StepResult {
    /// The output rows, with the columns of [`BoundStep::schema`].
    pub batch: RecordBatch,
    /// For each output row, the index of the input row that it comes from, from 0: in the batch of the call, or for
    /// [`StepSession::finish`](super::StepSession::finish) in all batches of the session. `None` if there is one output row
    /// for each row of the batch, in order, or if `finish` returned rows that come from no input row. The carried columns of
    /// the latter are null.
    pub origins: Option<Vec<u32>>,
    /// The rows that the step rejected, by ascending row.
    pub rejected: Vec<RejectedRow>,
    /// The number of rows that are neither in the output nor rejected.
    pub dropped: usize,
    /// The peak memory of the instance so far, in bytes.
    pub peak_memory: u64,
}

/// A row that a step rejected.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RejectedRow {
    /// The row's index in the batch, from 0.
    pub row: usize,
    /// The reason.
    pub failure: Failure,
}

impl BoundStep {
    /// Returns the step's manifest.
    pub fn manifest(&self) -> &Manifest {
        self.step.component.manifest()
    }

    /// Returns the columns that the step reads and writes.
    pub fn signature(&self) -> &Signature {
        &self.step.signature
    }

    /// Returns the columns of the rows that come out: those of the input and those of the step, which replace columns of
    /// the same name.
    pub fn schema(&self) -> &SchemaRef {
        &self.step.schema
    }

    /// Calls a transform with a batch, in a fresh instance. Calls may be made from several threads at once; more calls than
    /// the pool has room for wait.
    ///
    /// The guest's random numbers are seeded with the number of calls before this one.
    ///
    /// # Errors
    /// The step fails, breaks a limit or the contract, or is not a transform, or the batch has other columns than the step
    /// was bound to. Rows that the step rejects are no failure, but part of the result.
    pub fn call(&self, batch: &RecordBatch) -> Result<StepResult, Box<Failure>> {
        self.call_with_seed(batch, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Like [`call`](Self::call), with this seed for the guest's random numbers. The same seed gives the same result. A
    /// failure has it as the number of its batch.
    ///
    /// # Errors
    /// See [`call`](Self::call).
    pub fn call_with_seed(&self, batch: &RecordBatch, seed: u64) -> Result<StepResult, Box<Failure>> {
        if self.manifest().kind != StepKind::Transform {
            let message =
                format!("the step is of kind {}, and only transforms can be called", self.manifest().kind.name());
            let failure = Failure::new(FailureKind::Incompatible, message);
            return Err(Box::new(failure.with_hint("use `BoundStep::start`, `process` and `finish`")));
        }
        let rows = self.rows(batch)?;
        let _slot = self.pool.slot();
        let mut instance = StepInstance::new(self.callee(), seed);
        self.process(self.callee(), &mut instance, seed, &rows)
    }

    /// Returns the index of the row at which a transform fails, for a failure of a call that names none, such as a time limit. Parts of
    /// the batch are called in fresh instances, for a few seconds at most. Returns `None` if no row is found in that time, if the step does
    /// not fail in the same way with the row alone, or if no row can cause the failure.
    pub fn find_row(&self, batch: &RecordBatch, seed: u64, failure: &Failure) -> Option<usize> {
        let count = batch.num_rows();
        if failure.row.is_some() || !failure.kind.concerns_rows() || count == 0 {
            return None;
        }
        if count == 1 {
            return Some(0);
        }
        let rows = self.rows(batch).ok()?;
        let _slot = self.pool.slot();
        RowSearch { callee: self.callee(), rows: &rows, batch: seed }.find(0..count, failure.kind)
    }

    pub(super) fn callee(&self) -> Callee<'_> {
        self.callee_until(self.pool.stop())
    }

    /// The step, for calls that end with this stop.
    pub(super) fn callee_until<'s>(&'s self, stop: &'s Stop) -> Callee<'s> {
        Callee { step: &self.step, sandbox: self.pool.sandbox(), stop }
    }

    pub(super) fn rows(&self, batch: &RecordBatch) -> Result<Rows, Box<Failure>> {
        self.rows_at(batch, "the batch".into(), 0)
    }

    /// Returns the rows of a batch. `first` is the number of the first row in the input that `name` names.
    pub(super) fn rows_at(&self, batch: &RecordBatch, name: Arc<str>, first: u64) -> Result<Rows, Box<Failure>> {
        if batch.schema_ref() != &self.input {
            let message = "the batch has other columns than the step was bound to";
            return Err(Box::new(Failure::new(FailureKind::Incompatible, message)));
        }
        let origin = RowOrigins::new(RowPositions::rows(name, first + 1), first, batch.num_rows());
        Ok(Rows { columns: batch.clone(), origin })
    }

    pub(super) fn process(
        &self,
        callee: Callee<'_>,
        instance: &mut StepInstance,
        number: u64,
        rows: &Rows,
    ) -> Result<StepResult, Box<Failure>> {
        let context = callee.context(Some(number), Some(rows));
        let with_context = |failure| context.apply_to(failure);
        let input = CallInput::new(&self.step, rows, 0..rows.count()).map_err(with_context)?;
        let StepOutput { output, rejections, .. } = instance.process(callee, &input).map_err(with_context)?;
        let rejected = rejections.into_iter().map(|rejection| {
            let row = rejection.row as usize;
            let mut failure = rejection.failure;
            context.apply(&mut failure);
            failure.row = rows.place(row);
            RejectedRow { row, failure }
        });
        let rejected = rejected.collect();
        let dropped = output.dropped;
        let batch = self.assemble(&output, &rows.columns).map_err(with_context)?;
        let peak_memory = instance.peak_memory();
        Ok(StepResult { batch, origins: output.origins, rejected, dropped, peak_memory })
    }

    /// Puts the columns of an output next to the carried columns of the rows that it comes from.
    pub(super) fn assemble(&self, output: &CheckedOutput, input: &RecordBatch) -> Result<RecordBatch, Box<Failure>> {
        let origins = output.origins.as_ref().map(|origins| UInt32Array::from(origins.clone()));
        let batch = self.step.assemble_from(output.rows, &output.columns, input, origins.as_ref());
        batch.map_err(|error| Box::new(Failure::host(&error)))
    }
}

impl fmt::Debug for BoundStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundStep").field("step", &self.step).finish_non_exhaustive()
    }
}
