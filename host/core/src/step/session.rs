//! One instance across several calls.

use std::fmt;

use arrow_array::{RecordBatch, new_null_array};
use arrow_select::concat::concat_batches;

use super::bound::{BoundStep, StepResult};
use crate::batch::GivenRows;
use crate::call::StepInstance;
use crate::component::StepKind;
use crate::failure::{Failure, FailureKind};
use crate::interrupt::Stop;
use crate::row_size::columns_bytes;

/// The most bytes of all batches of a session: the values of a joined column have 32-bit offsets.
const MAX_INPUT: usize = 1 << 30;

/// One instance of a source or an aggregate, from its first call to its last. Stores the batches that it is given, because
/// the rows of [`finish`](Self::finish) may carry their columns along.
pub struct StepSession<'a> {
    step: &'a BoundStep,
    instance: StepInstance,
    stop: Stop,
    inputs: Vec<RecordBatch>,
    /// Rows so far.
    seen: u64,
    number: u64,
}

impl BoundStep {
    /// Starts an instance that lives across calls, for a source or an aggregate. It is one of the instances of the pool, but
    /// does not wait for room: start no more sessions than that at the same time.
    pub fn start(&self) -> StepSession<'_> {
        self.start_until(self.pool.stop().clone())
    }

    /// Starts an instance whose calls end with this stop.
    pub(super) fn start_until(&self, stop: Stop) -> StepSession<'_> {
        let instance = StepInstance::new(self.callee_until(&stop), 0);
        StepSession { instance, stop, step: self, inputs: Vec::new(), seen: 0, number: 0 }
    }
}

impl StepSession<'_> {
    /// Calls `process` with the next batch.
    ///
    /// # Errors
    /// As [`BoundStep::call`]. After a failure the session is of no use.
    pub fn process(&mut self, batch: &RecordBatch) -> Result<StepResult, Box<Failure>> {
        let rows = self.step.rows_at(batch, "the input".into(), self.seen)?;
        self.seen += rows.count() as u64;
        let number = self.number;
        self.number += 1;
        self.inputs.push(batch.clone());
        self.step.process(self.step.callee_until(&self.stop), &mut self.instance, number, &rows)
    }

    /// Calls `finish`. Returns the next output rows, or `None` when the step has no more.
    ///
    /// # Errors
    /// The step fails, or breaks a limit or the contract, or the batches of the session take more than 1 GiB.
    pub fn finish(&mut self) -> Result<Option<StepResult>, Box<Failure>> {
        let step = self.step;
        let seen: usize = self.inputs.iter().map(RecordBatch::num_rows).sum();
        let output_of = match step.manifest().kind {
            StepKind::Source => GivenRows::None,
            StepKind::Transform | StepKind::Aggregate => GivenRows::All(seen as u64),
        };
        let callee = step.callee_until(&self.stop);
        let context = callee.context(None, None);
        let output = self.instance.finish(callee, output_of).map_err(|failure| context.apply_to(failure))?;
        let Some(output) = output else { return Ok(None) };
        let bytes: usize = self.inputs.iter().map(|batch| columns_bytes(batch.columns())).sum();
        if bytes > MAX_INPUT {
            let message = format!("the batches of this session take {bytes} bytes, and at most {MAX_INPUT} are kept");
            return Err(Box::new(Failure::new(FailureKind::Host, message)));
        }
        let input = concat_batches(&step.input, &self.inputs).map_err(|error| Box::new(Failure::host(&error)))?;
        self.inputs = vec![input.clone()];
        let batch = if output.origins.is_some() {
            step.assemble(&output, &input)?
        } else {
            let nulls = |index: usize| Ok(new_null_array(input.column(index).data_type(), output.rows));
            let batch = step.step.assemble(output.rows, &output.columns, nulls);
            batch.map_err(|error| Box::new(Failure::host(&error)))?
        };
        let peak_memory = self.instance.peak_memory();
        Ok(Some(StepResult { batch, origins: output.origins, rejected: Vec::new(), dropped: 0, peak_memory }))
    }

    /// Returns the peak memory of the instance so far, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.instance.peak_memory()
    }
}

impl fmt::Debug for StepSession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepSession").field("step", &self.step).finish_non_exhaustive()
    }
}
