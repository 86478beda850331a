//! Steps without a pipeline.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;

use super::Problem;
use crate::batch::{Checked, Lowered, OutputOf, as_contract, check};
use crate::component::{CompileCache, Component, Kind, Signature};
use crate::engine::bindings::types::Batch;
use crate::engine::{Fuel, Resident, engine, engine_without_pool};
use crate::failure::Failure;
use crate::interrupt::Stop;
use crate::limits::Limits;
use crate::loader::ComponentLoader;
use crate::sandbox::CallOptions;

/// Where the memory of instances comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
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
pub struct BoundStep {
    loader: Arc<ComponentLoader>,
    component: Component,
    parameters: String,
    signature: Signature,
    limits: Limits,
    stop: Stop,
}

impl BenchEngine {
    /// An engine for so many instances at a time.
    ///
    /// # Errors
    /// The engine cannot be made.
    pub fn new(instances: u32, allocation: Allocation, cache: CompileCache) -> Result<Self, Problem> {
        let engine = match allocation {
            Allocation::Pooled => engine(instances, Fuel::Off, Resident::Much)?,
            Allocation::PooledForInterpreters => engine(instances, Fuel::Off, Resident::Little)?,
            Allocation::OnDemand => engine_without_pool(Fuel::Off)?,
        };
        let stop = Stop::default();
        stop.reaches(&engine);
        Ok(Self { loader: Arc::new(ComponentLoader::with_engine(engine, cache)?), stop })
    }

    /// Loads a component and gives it parameters, a JSON object.
    ///
    /// # Errors
    /// It is no step, no transform, or refuses the parameters.
    pub fn step(&self, component: &Path, parameters: &str) -> Result<BoundStep, Problem> {
        let limits = Limits::default();
        let component = self.loader.load(component, &limits, &self.stop)?;
        if component.manifest().kind != Kind::Transform {
            return Err("only transforms can be measured".into());
        }
        let signature = self.loader.bind(&component, parameters, &limits, &self.stop)?;
        Ok(BoundStep {
            loader: Arc::clone(&self.loader),
            component,
            parameters: parameters.to_owned(),
            signature,
            limits,
            stop: self.stop.clone(),
        })
    }
}

impl BoundStep {
    /// Calls the step in a fresh instance, as a run does, and says how many rows came out.
    ///
    /// # Errors
    /// The rows do not fit, or the step fails.
    pub fn fresh(&self, rows: &RecordBatch) -> Result<usize, Problem> {
        let lowered = self.lower(rows)?;
        let columns: Vec<_> = lowered.iter().map(Lowered::column).collect();
        let input = Batch { rows: rows.num_rows() as u32, columns: &columns };
        let (output, _) = self.loader.sandbox().call(&self.component, &self.terms(), async |store, instance| {
            let guest = instance.stillbox_step_guest();
            match guest.call_bind(&mut *store, &self.parameters).await? {
                Ok(_) => guest.call_process(&mut *store, input).await,
                Err(error) => Ok(Err(error)),
            }
        })?;
        let output = output.map_err(|error| error.message)?;
        Ok(self.check(output, rows)?.rows)
    }

    /// Calls the step `calls` times in one instance, and says how long each call took.
    ///
    /// # Errors
    /// The rows do not fit, or the step fails.
    pub fn reused(&self, rows: &RecordBatch, calls: usize) -> Result<Vec<Duration>, Problem> {
        let mut times = Vec::with_capacity(calls);
        let (result, _) = self.loader.sandbox().call(&self.component, &self.terms(), async |store, instance| {
            let guest = instance.stillbox_step_guest();
            if let Err(error) = guest.call_bind(&mut *store, &self.parameters).await? {
                return Ok(Err(Problem::from(error.message)));
            }
            for _ in 0..calls {
                let started = Instant::now();
                let lowered = match self.lower(rows) {
                    Ok(lowered) => lowered,
                    Err(problem) => return Ok(Err(problem)),
                };
                let columns: Vec<_> = lowered.iter().map(Lowered::column).collect();
                let input = Batch { rows: rows.num_rows() as u32, columns: &columns };
                let output = match guest.call_process(&mut *store, input).await? {
                    Ok(output) => output,
                    Err(error) => return Ok(Err(error.message.into())),
                };
                match self.check(output, rows) {
                    Ok(checked) => drop(checked),
                    Err(failure) => return Ok(Err(failure.into())),
                }
                times.push(started.elapsed());
            }
            Ok(Ok(()))
        })?;
        result?;
        Ok(times)
    }

    fn terms(&self) -> CallOptions<'_> {
        CallOptions { limits: &self.limits, stop: &self.stop, seed: 0 }
    }

    fn lower(&self, rows: &RecordBatch) -> Result<Vec<Lowered>, Problem> {
        let lower = |column: &crate::component::Column| {
            let position = rows.schema_ref().index_of(&column.name)?;
            let array = as_contract(rows.column(position), rows.schema_ref().field(position), column.data_type)?;
            Ok(Lowered::new(Arc::clone(&column.name), &array, column.data_type))
        };
        self.signature.inputs.iter().map(lower).collect()
    }

    fn check(
        &self,
        output: crate::engine::bindings::types::Output,
        rows: &RecordBatch,
    ) -> Result<Checked, Box<Failure>> {
        check(output, OutputOf::Batch(rows.num_rows()), &self.signature, &self.limits)
    }
}
