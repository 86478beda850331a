//! Steps without a pipeline.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use wasmtime::Store;
use wasmtime::component::{InstancePre, Linker};

use super::BenchError;
use crate::batch::{RowOrigins, Rows};
use crate::call::{CallInput, Callee, StepInstance};
use crate::component::{CompileCache, Compiler, Component, Signature, StepKind};
use crate::engine::{Fuel, Resident, Traps, engine, engine_without_pool};
use crate::interrupt::Stop;
use crate::limits::Limits;
use crate::loader::{ComponentLoader, StepSnapshot};
use crate::plan::{self, Step};
use crate::sandbox::{CallOptions, CallSubject};
use crate::source::{RowPositions, SourceSchema};

/// Where the memory of instances comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BenchAllocation {
    /// A pool that is laid out once, for components that are compiled code alone.
    Pooled,
    /// The same for those with an interpreter inside.
    PooledForInterpreters,
    /// The system, for each instance.
    OnDemand,
}

/// An engine, and what components may import.
pub struct BenchEngine {
    loader: Arc<ComponentLoader>,
    stop: Stop,
}

/// A step with its parameters. It can be called on any thread.
pub struct BenchStep {
    loader: Arc<ComponentLoader>,
    component: Arc<Component>,
    parameters: Arc<str>,
    signature: Signature,
    stop: Stop,
    snapshot: Option<Arc<StepSnapshot>>,
    /// The columns of the step found among those of the first batch; all batches have the same columns.
    planned: OnceLock<Step>,
}

impl BenchEngine {
    /// An engine for so many instances at a time.
    ///
    /// # Errors
    /// The engine cannot be made.
    pub fn new(instances: u32, allocation: BenchAllocation, cache: CompileCache) -> Result<Self, BenchError> {
        let mode = (Fuel::Off, Traps::default());
        let engine = match allocation {
            BenchAllocation::Pooled => engine(instances, mode, Resident::Much)?,
            BenchAllocation::PooledForInterpreters => engine(instances, mode, Resident::Little)?,
            BenchAllocation::OnDemand => engine_without_pool(mode.0, mode.1)?,
        };
        let stop = Stop::default();
        stop.reaches(&engine.0);
        Ok(Self { loader: Arc::new(ComponentLoader::new(engine, cache, Compiler::default())?), stop })
    }

    /// Loads a component and gives it parameters, a JSON object.
    ///
    /// # Errors
    /// It is not a step, not a transform, or rejects the parameters.
    pub fn step(&self, component: &Path, parameters: &str) -> Result<BenchStep, BenchError> {
        let limits = Limits::default();
        let component = self.loader.load(component, &limits, &self.stop)?;
        if component.manifest().kind != StepKind::Transform {
            return Err("only transforms can be measured".into());
        }
        let subject = CallSubject::function("bind");
        let options = CallOptions { limits: &limits, stop: &self.stop, seed: 0, access: None, log: None, subject };
        let signature = self.loader.bind(&component, parameters, &options)?;
        Ok(BenchStep {
            loader: Arc::clone(&self.loader),
            component,
            parameters: parameters.into(),
            signature,
            stop: self.stop.clone(),
            snapshot: None,
            planned: OnceLock::new(),
        })
    }
}

/// A component as wasmtime instantiates it: without limits, functions of the host, or a call.
pub struct BareComponent(InstancePre<()>);

impl BareComponent {
    /// Creates an instance, and drops it.
    ///
    /// # Errors
    /// The component traps while it starts.
    pub fn instantiate(&self) -> Result<(), BenchError> {
        let mut store = Store::new(self.0.engine(), ());
        store.set_epoch_deadline(u64::from(u32::MAX));
        self.0.instantiate(&mut store)?;
        Ok(())
    }
}

impl BenchStep {
    /// Returns the component for instances of wasmtime alone, from the same pool.
    ///
    /// # Errors
    /// An import cannot be defined.
    pub fn bare(&self) -> Result<BareComponent, BenchError> {
        let component = self.component.pre().component();
        let mut linker = Linker::new(component.engine());
        linker.define_unknown_imports_as_traps(component)?;
        Ok(BareComponent(linker.instantiate_pre(component)?))
    }

    /// Lets instances start from a snapshot, which is made now.
    ///
    /// # Errors
    /// The step has none.
    pub fn with_snapshot(mut self) -> Result<Self, BenchError> {
        let snapshot = StepSnapshot::make_here(&self.loader, &self.component, &self.parameters, &Limits::default())?;
        if snapshot.get().is_none() {
            return Err("the step has no snapshot".into());
        }
        self.snapshot = Some(snapshot);
        self.planned = OnceLock::new();
        Ok(self)
    }

    /// Calls the step in a fresh instance, as a run does. Returns the number of rows in its output.
    ///
    /// # Errors
    /// The rows do not fit, or the step fails.
    pub fn fresh(&self, rows: &RecordBatch) -> Result<usize, BenchError> {
        let (step, rows) = (self.planned(rows)?, numbered(rows));
        let callee = self.callee(step);
        let input = CallInput::new(step, &rows, 0..rows.count())?;
        Ok(StepInstance::new(callee, 0).process(callee, &input)?.output.rows)
    }

    /// Calls the step `calls` times in one instance. Returns how long each call took.
    ///
    /// # Errors
    /// The rows do not fit, or the step fails.
    pub fn reused(&self, rows: &RecordBatch, calls: usize) -> Result<Vec<Duration>, BenchError> {
        let (step, rows) = (self.planned(rows)?, numbered(rows));
        let callee = self.callee(step);
        let mut instance = StepInstance::new(callee, 0);
        // The first call instantiates and binds.
        instance.process(callee, &CallInput::new(step, &rows, 0..rows.count())?)?;
        let mut times = Vec::with_capacity(calls);
        for _ in 0..calls {
            let started = Instant::now();
            let input = CallInput::new(step, &rows, 0..rows.count())?;
            drop(instance.process(callee, &input)?);
            times.push(started.elapsed());
        }
        Ok(times)
    }

    fn callee<'a>(&'a self, step: &'a Step) -> Callee<'a> {
        Callee { step, sandbox: self.loader.sandbox(), stop: &self.stop }
    }

    /// Finds the step's columns among those of the rows.
    fn planned(&self, rows: &RecordBatch) -> Result<&Step, BenchError> {
        if self.planned.get().is_none() {
            let bound = (Arc::clone(&self.parameters), self.signature.clone());
            let schema = SourceSchema::Known(rows.schema());
            let step = plan::standalone_step(
                Arc::clone(&self.component),
                bound,
                (Limits::default(), None),
                &schema,
                "the benchmark",
            );
            let step = step.map_err(|mismatches| {
                mismatches.into_iter().map(|mismatch| mismatch.message).collect::<Vec<_>>().join("; ")
            })?;
            let step = Step { snapshot: self.snapshot.clone(), ..step };
            let _ = self.planned.set(step);
        }
        Ok(self.planned.get().expect("it was just set"))
    }
}

fn numbered(rows: &RecordBatch) -> Rows {
    let origin = RowOrigins::new(RowPositions::rows("benchmark".into(), 1), 0, rows.num_rows());
    Rows { columns: rows.clone(), origin }
}
