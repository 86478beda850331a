//! One step without a pipeline: bound once for the columns of its input, then called on record batches.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use crate::batch::{CheckedOutput, GivenRows, RowOrigins, Rows, StepOutput};
use crate::call::{CallInput, Callee, StepInstance};
use crate::component::{ComponentError, Manifest, Signature, StepKind};
use crate::engine::{Fuel, Resident};
use crate::failure::{Failure, FailureKind};
use crate::interrupt::{Interrupt, Stop};
use crate::limits::Limits;
use crate::plan::{self, Step};
use crate::runtime::{Engine, EngineError, Reservation};
use crate::sandbox::wait;
use crate::source::{RowPositions, SourceSchema};

/// Instances of one step that may be at work at once, for each thread of the engine. One more is being dropped.
const INSTANCES_PER_THREAD: u32 = 2;

/// Settings of a step, from [`Engine::step`].
#[derive(Debug, Clone)]
pub struct StepBuilder {
    engine: Engine,
    component: PathBuf,
    parameters: Map<String, Value>,
    limits: Limits,
    interrupt: Interrupt,
}

/// A step that is ready to be called, from any thread.
pub struct BoundStep {
    reservation: Reservation,
    slots: Semaphore,
    step: Step,
    input: SchemaRef,
    stop: Stop,
    next: AtomicU64,
}

/// The result of one call.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StepResult {
    /// The rows that came out, with the columns of [`BoundStep::schema`].
    pub batch: RecordBatch,
    /// The rows that the step refused, by ascending row.
    pub rejected: Vec<RejectedRow>,
    /// The number of rows that are neither in the output nor refused.
    pub dropped: usize,
}

/// A row that a step refused.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RejectedRow {
    /// The row's index in the batch, from 0.
    pub row: usize,
    /// Why it was refused.
    pub failure: Failure,
}

/// Why a step cannot be called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The file is not a step.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The step does not accept its parameters, or fails to bind them.
    #[error("the step cannot be bound")]
    Bind(#[source] Box<Failure>),
    /// The input does not have the columns that the step reads.
    #[error("the step does not accept the columns of its input: {}", problems.join("; "))]
    Columns {
        /// One sentence for each column.
        problems: Vec<String>,
    },
    /// The sandbox cannot be created on this machine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// Starts to build a step of a compiled component.
    pub fn step(&self, component: impl Into<PathBuf>) -> StepBuilder {
        StepBuilder {
            engine: self.clone(),
            component: component.into(),
            parameters: Map::new(),
            limits: Limits::default(),
            interrupt: Interrupt::new(),
        }
    }
}

impl StepBuilder {
    /// Sets the parameters. Default: none.
    #[must_use]
    pub fn parameters(mut self, parameters: Map<String, Value>) -> Self {
        self.parameters = parameters;
        self
    }

    /// Sets one parameter.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// Sets the limits of each instance. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Stops all calls when this interrupt is triggered.
    #[must_use]
    pub fn interrupt(mut self, interrupt: &Interrupt) -> Self {
        self.interrupt = interrupt.clone();
        self
    }

    /// Loads the component, binds its parameters, and finds the columns that it reads in `schema`.
    ///
    /// # Errors
    /// The file is not a step, the step refuses its parameters, or a column is missing or of another type.
    pub fn bind(&self, schema: &Schema) -> Result<BoundStep, BindError> {
        let fuel = if self.limits.fuel.is_some() { Fuel::On } else { Fuel::Off };
        let instances = self.engine.threads() as u32 * INSTANCES_PER_THREAD;
        // One instance of each kind is being dropped while the next is created.
        let reservation = self.engine.reserve(2 * instances, fuel, Resident::of([&self.component]))?;
        let loader = reservation.loader();
        let stop = Stop::on(&self.interrupt, loader.sandbox().engine());
        let component = loader.load(&self.component, &self.limits, &stop)?;
        let parameters: Arc<str> = Value::Object(self.parameters.clone()).to_string().into();
        let signature = loader.bind(&component, &parameters, &self.limits, &stop).map_err(BindError::Bind)?;
        let input: SchemaRef = Arc::new(schema.clone());
        let known = SourceSchema::Known(Arc::clone(&input));
        let limits = self.limits.clone();
        let bound = plan::standalone_step(component, (parameters, signature), limits, &known, "the input");
        let bound = bound.map_err(|mismatches| BindError::Columns {
            problems: mismatches.into_iter().map(|mismatch| mismatch.message).collect(),
        })?;
        let slots = Semaphore::new(instances as usize);
        Ok(BoundStep { reservation, slots, step: bound, input, stop, next: AtomicU64::new(0) })
    }
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
    /// the engine has room for wait.
    ///
    /// The guest's random numbers are seeded with the number of calls before this one.
    ///
    /// # Errors
    /// The step fails, breaks a limit or the contract, or is not a transform, or the batch has other columns than the step
    /// was bound for. Rows that the step refuses are no failure, but part of the result.
    pub fn call(&self, batch: &RecordBatch) -> Result<StepResult, Box<Failure>> {
        if self.manifest().kind != StepKind::Transform {
            let message =
                format!("the step is of kind {}, and only transforms can be called", self.manifest().kind.name());
            let failure = Failure::new(FailureKind::Incompatible, message);
            return Err(Box::new(failure.with_hint("use `BoundStep::start`, `process` and `finish`")));
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let rows = self.rows(batch)?;
        let _slot = wait(&self.stop, self.slots.acquire());
        let mut instance = StepInstance::new(self.callee(), number);
        self.process(&mut instance, number, &rows)
    }

    /// Starts an instance that lives across calls, as sources and aggregates need it.
    pub fn start(&self) -> StepSession<'_> {
        StepSession { instance: StepInstance::new(self.callee(), 0), step: self, inputs: Vec::new(), number: 0 }
    }

    fn callee(&self) -> Callee<'_> {
        Callee { step: &self.step, sandbox: self.reservation.loader().sandbox(), stop: &self.stop }
    }

    fn rows(&self, batch: &RecordBatch) -> Result<Rows, Box<Failure>> {
        if batch.schema_ref() != &self.input {
            let message = "the batch has other columns than the step was bound for";
            return Err(Box::new(Failure::new(FailureKind::Incompatible, message)));
        }
        let origin = RowOrigins::new(RowPositions::rows("the batch".into(), 1), 0, batch.num_rows());
        Ok(Rows { columns: batch.clone(), origin })
    }

    fn process(&self, instance: &mut StepInstance, number: u64, rows: &Rows) -> Result<StepResult, Box<Failure>> {
        let context = self.callee().context(Some(number), Some(rows));
        let with_context = |failure| context.apply_to(failure);
        let input = CallInput::new(&self.step, rows, 0..rows.count()).map_err(with_context)?;
        let StepOutput { output, rejections } = instance.process(self.callee(), &input).map_err(with_context)?;
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
        Ok(StepResult { batch, rejected, dropped })
    }

    /// Puts the columns of an output next to the carried columns of the rows that it comes from.
    fn assemble(&self, output: &CheckedOutput, input: &RecordBatch) -> Result<RecordBatch, Box<Failure>> {
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

/// One instance of a source or an aggregate, from its first call to its last. Keeps the batches that it is given, because
/// the rows of [`finish`](Self::finish) may carry their columns along.
pub struct StepSession<'a> {
    step: &'a BoundStep,
    instance: StepInstance,
    inputs: Vec<RecordBatch>,
    number: u64,
}

impl StepSession<'_> {
    /// Calls `process` with the next batch.
    ///
    /// # Errors
    /// As [`BoundStep::call`]. After a failure the session is of no use.
    pub fn process(&mut self, batch: &RecordBatch) -> Result<StepResult, Box<Failure>> {
        let rows = self.step.rows(batch)?;
        let number = self.number;
        self.number += 1;
        self.inputs.push(batch.clone());
        self.step.process(&mut self.instance, number, &rows)
    }

    /// Calls `finish`. Returns `None` when the step has no more rows.
    ///
    /// # Errors
    /// The step fails, or breaks a limit or the contract.
    pub fn finish(&mut self) -> Result<Option<RecordBatch>, Box<Failure>> {
        let step = self.step;
        let seen: usize = self.inputs.iter().map(RecordBatch::num_rows).sum();
        let output_of = match step.manifest().kind {
            StepKind::Source => GivenRows::None,
            StepKind::Transform | StepKind::Aggregate => GivenRows::All(seen as u64),
        };
        let context = step.callee().context(None, None);
        let output = self.instance.finish(step.callee(), output_of).map_err(|failure| context.apply_to(failure))?;
        let Some(output) = output else { return Ok(None) };
        let input = concat_batches(&step.input, &self.inputs).map_err(|error| Box::new(Failure::host(&error)))?;
        self.inputs = vec![input.clone()];
        if output.origins.is_some() {
            return step.assemble(&output, &input).map(Some);
        }
        // Rows that are made of no row have nulls in the columns that are carried along.
        let nulls = |index: usize| Ok(arrow_array::new_null_array(input.column(index).data_type(), output.rows));
        let batch = step.step.assemble(output.rows, &output.columns, nulls);
        batch.map(Some).map_err(|error| Box::new(Failure::host(&error)))
    }
}

impl fmt::Debug for StepSession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepSession").field("step", &self.step).finish_non_exhaustive()
    }
}
