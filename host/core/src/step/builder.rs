//! Loads, configures and binds a single step.

use std::path::PathBuf;

use arrow_schema::Schema;
use serde_json::{Map, Value};

use super::bound::BoundStep;
use super::error::BindError;
use super::pool::{ConfiguredStep, StepPool};
use crate::config::StepSettings;
use crate::engine::{Fuel, Resident};
use crate::grants::{Grant, Grants, SecretSource};
use crate::interrupt::Interrupt;
use crate::limits::Limits;
use crate::reference::Reference;
use crate::registry::{RegistryError, TransferOptions};
use crate::runtime::Engine;

/// Settings of a step, from [`Engine::step`].
#[derive(Debug, Clone)]
pub struct StepBuilder {
    engine: Engine,
    component: PathBuf,
    parameters: Map<String, Value>,
    settings: StepSettings,
    grants: Grants,
    interrupt: Interrupt,
}

impl Engine {
    /// Starts to build a step of a compiled component: a file, or a [`Reference`](crate::reference::Reference) with a digest.
    pub fn step(&self, component: impl Into<PathBuf>) -> StepBuilder {
        StepBuilder {
            engine: self.clone(),
            component: component.into(),
            parameters: Map::new(),
            settings: StepSettings::default(),
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
        self.settings.limits = limits;
        self
    }

    /// Sets the limits, the failure policy of [`BoundStep::apply`], and grants in addition to those of [`allow`](Self::allow).
    /// Default: the default limits, to stop, and nothing granted.
    #[must_use]
    pub fn settings(mut self, settings: StepSettings) -> Self {
        self.settings = settings;
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

    /// Loads the component, binds its parameters, and finds the columns that it reads in `schema`.
    ///
    /// # Errors
    /// The file is not a step, the step does not accept its parameters, a grant cannot be used, or a column is missing or of
    /// another type.
    pub fn bind(&self, schema: &Schema) -> Result<BoundStep, BindError> {
        self.configure()?.bind(schema, "the input").map_err(|mismatches| BindError::Columns { mismatches })
    }

    /// Loads the component and binds its parameters. The step has instances of its own: two for each thread of the engine.
    ///
    /// # Errors
    /// The file is not a step, or the step does not accept its parameters.
    pub fn configure(&self) -> Result<ConfiguredStep, BindError> {
        let limits = &self.settings.limits;
        let fuel = if limits.fuel.is_some() { Fuel::On } else { Fuel::Off };
        let instances = self.engine.threads() as u32 * INSTANCES_PER_THREAD;
        let component = self.component()?;
        let resident = Resident::for_components([&component]);
        let mut grants = self.settings.grants.clone();
        grants.extend(&self.grants);
        let pool = StepPool::new(&self.engine, instances, fuel, resident, &self.interrupt)?;
        let component = pool.load(&component, limits)?;
        let mut configured = component.configure_granted(&self.parameters, limits, &grants)?;
        configured.on_failure = self.settings.on_failure.clone();
        Ok(configured)
    }
}

impl StepBuilder {
    /// Returns the file of the component, which is downloaded if it is elsewhere.
    fn component(&self) -> Result<PathBuf, RegistryError> {
        let Some(text) = self.component.to_str().filter(|text| Reference::is_meant(text)) else {
            return Ok(self.component.clone());
        };
        let options = TransferOptions::new().interrupt(&self.interrupt);
        Ok(self.engine.downloader(&options).pinned(text)?.path)
    }
}

/// Instances of a step that can be in use at the same time, for each thread of the engine.
const INSTANCES_PER_THREAD: u32 = 2;
