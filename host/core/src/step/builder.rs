//! Loads, configures and binds a single step.

use std::path::PathBuf;

use arrow_schema::Schema;
use serde_json::{Map, Value};

use super::bound::BoundStep;
use super::error::BindError;
use super::pool::StepPool;
use crate::engine::{Fuel, Resident};
use crate::grants::{Grant, Grants, SecretSource};
use crate::interrupt::Interrupt;
use crate::limits::Limits;
use crate::runtime::Engine;

/// Settings of a step, from [`Engine::step`].
#[derive(Debug, Clone)]
pub struct StepBuilder {
    engine: Engine,
    component: PathBuf,
    parameters: Map<String, Value>,
    limits: Limits,
    grants: Grants,
    interrupt: Interrupt,
}

impl Engine {
    /// Starts to build a step of a compiled component.
    pub fn step(&self, component: impl Into<PathBuf>) -> StepBuilder {
        StepBuilder {
            engine: self.clone(),
            component: component.into(),
            parameters: Map::new(),
            limits: Limits::default(),
            grants: Grants::default(),
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

    /// Grants the step something outside of the sandbox. Default: nothing.
    #[must_use]
    pub fn allow(mut self, grant: impl Into<Grant>) -> Self {
        self.grants.add(grant);
        self
    }

    /// Adds a secret, for the headers of granted requests.
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>, source: SecretSource) -> Self {
        self.grants.secret(name, source);
        self
    }

    /// Cancels all calls when this interrupt is triggered.
    #[must_use]
    pub fn interrupt(mut self, interrupt: &Interrupt) -> Self {
        self.interrupt = interrupt.clone();
        self
    }

    /// Loads the component, binds its parameters, and finds the columns that it reads in `schema`. The step has instances of
    /// its own: two for each thread of the engine.
    ///
    /// # Errors
    /// The file is not a step, the step does not accept its parameters, a grant cannot be used, or a column is missing or of
    /// another type.
    pub fn bind(&self, schema: &Schema) -> Result<BoundStep, BindError> {
        let fuel = if self.limits.fuel.is_some() { Fuel::On } else { Fuel::Off };
        let instances = self.engine.threads() as u32 * INSTANCES_PER_THREAD;
        let resident = Resident::for_components([&self.component]);
        let pool = StepPool::new(&self.engine, instances, fuel, resident, &self.interrupt)?;
        let component = pool.load(&self.component, &self.limits)?;
        let configured = component.configure_granted(&self.parameters, &self.limits, &self.grants)?;
        configured.bind(schema, "the input").map_err(|mismatches| BindError::Columns { mismatches })
    }
}

/// Instances of a step that can be in use at the same time, for each thread of the engine.
const INSTANCES_PER_THREAD: u32 = 2;
