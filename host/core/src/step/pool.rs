//! Instances that several steps share, and the steps before they are bound to columns.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::BindError;
use crate::component::{Component, ComponentError, Manifest, Signature};
use crate::engine::{Access, Fuel, Resident};
use crate::failure::Failure;
use crate::grants::{GrantError, Grants, Recorder};
use crate::http::Network;
use crate::interrupt::{Interrupt, Stop};
use crate::limits::Limits;
use crate::loader::{ComponentLoader, StepSnapshot};
use crate::lockfile::LockedStep;
use crate::model::StepModels;
use crate::monitor::Monitor;
use crate::policy::OnFailure;
use crate::runtime::{Engine, EngineError, Reservation};
use crate::sandbox::{CallOptions, CallSubject, Sandbox, wait};

/// Room for a number of instances, which several steps share. Clones are the same pool.
#[derive(Clone)]
pub struct StepPool {
    shared: Arc<PoolState>,
    stop: Stop,
}

struct PoolState {
    reservation: Reservation,
    slots: Semaphore,
    name_servers: Vec<SocketAddr>,
}

impl Engine {
    /// Reserves room for steps that have up to `instances` instances together at any time, at least one. The room is reserved until the
    /// pool, and everything that was created from it, are dropped. All calls stop when the interrupt is triggered.
    ///
    /// A step with the limit `fuel` needs a pool with [`Fuel::On`].
    ///
    /// # Errors
    /// The sandbox cannot be created on this machine.
    pub fn step_pool(&self, instances: u32, fuel: Fuel, interrupt: &Interrupt) -> Result<StepPool, EngineError> {
        StepPool::new(self, instances, fuel, Resident::default(), interrupt)
    }
}

impl StepPool {
    pub(super) fn new(
        engine: &Engine,
        instances: u32,
        fuel: Fuel,
        resident: Resident,
        interrupt: &Interrupt,
    ) -> Result<Self, EngineError> {
        // Without any room, a call would wait forever.
        let instances = instances.max(1);
        // One instance is being dropped while the next is created.
        let reservation = engine.reserve(instances.saturating_mul(2), fuel, resident)?;
        let stop = Stop::on(interrupt, reservation.loader().sandbox().engine());
        let slots = Semaphore::new(instances as usize);
        Ok(Self {
            shared: Arc::new(PoolState { reservation, slots, name_servers: engine.name_servers().to_vec() }),
            stop,
        })
    }

    /// Reads and compiles a component, and asks it for its manifest within these limits. A component that was loaded before
    /// is only read.
    ///
    /// # Errors
    /// The file is not a step, or its `manifest` fails.
    pub fn load(&self, component: &Path, limits: &Limits) -> Result<LoadedComponent, ComponentError> {
        let component = self.loader().load(component, limits, self.stop())?;
        Ok(LoadedComponent { pool: self.clone(), component })
    }

    fn loader(&self) -> &Arc<ComponentLoader> {
        self.shared.reservation.loader()
    }

    pub(super) fn sandbox(&self) -> &Sandbox {
        self.loader().sandbox()
    }

    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    pub(super) fn sandbox_shared(&self) -> &Arc<Sandbox> {
        self.loader().sandbox()
    }

    /// Waits until an instance may be created.
    pub(super) async fn acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.shared.slots.acquire().await.ok()
    }

    /// Waits until an instance may be created. Returns `None` after a stop, which the call then reports.
    pub(super) fn slot(&self) -> Option<SemaphorePermit<'_>> {
        wait(self.stop(), self.shared.slots.acquire()).and_then(Result::ok)
    }
}

impl fmt::Debug for StepPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepPool").field("free", &self.shared.slots.available_permits()).finish_non_exhaustive()
    }
}

/// A component that is a step. It can be configured any number of times.
#[derive(Clone)]
pub struct LoadedComponent {
    pool: StepPool,
    component: Arc<Component>,
}

impl LoadedComponent {
    /// Returns the step's manifest.
    pub fn manifest(&self) -> &Manifest {
        self.component.manifest()
    }

    /// Returns the digest of the component's file: `sha256:` and 64 hexadecimal digits.
    pub fn digest(&self) -> &Arc<str> {
        self.component.digest()
    }

    /// Returns the same component, whose calls this monitor shows.
    #[must_use]
    pub fn monitored(&self, monitor: &Monitor) -> Self {
        let stop = self.pool.stop.monitored(monitor);
        let pool = StepPool { shared: Arc::clone(&self.pool.shared), stop };
        Self { pool, component: Arc::clone(&self.component) }
    }

    /// Returns whether the compiled code came from the engine's cache.
    pub fn is_cached(&self) -> bool {
        self.component.cached()
    }

    /// Returns how the component differs from the one that was locked, whatever either is granted. A component that was built
    /// from a folder is compared with an entry for a folder.
    pub fn differences(&self, locked: &LockedStep) -> Vec<String> {
        let now =
            LockedStep::new(&self.component, Path::new(&locked.component), locked.digest.is_none(), &Grants::default());
        locked.component_differences(&now)
    }

    /// Binds the step to its parameters, without any grant. The limits hold for this and for each later instance.
    ///
    /// # Errors
    /// The step does not accept the parameters, which is a failure of kind `parameters`, or fails.
    pub fn configure(&self, parameters: &Map<String, Value>, limits: &Limits) -> Result<ConfiguredStep, Box<Failure>> {
        self.bind(parameters, limits, None)
    }

    /// Binds the step to its parameters. The limits and grants hold for this and for each later instance.
    ///
    /// # Errors
    /// A grant cannot be used, or the step fails: [`BindError::Bind`] has a failure of kind `parameters` if the step does not
    /// accept the parameters.
    pub fn configure_granted(
        &self,
        parameters: &Map<String, Value>,
        limits: &Limits,
        grants: &Grants,
    ) -> Result<ConfiguredStep, BindError> {
        self.configure_with(parameters, limits, grants, &StepModels::default(), None)
    }

    /// Like [`configure_granted`](Self::configure_granted), with models, and with a recorder of requests and their responses.
    ///
    /// # Errors
    /// See [`configure_granted`](Self::configure_granted).
    pub fn configure_with(
        &self,
        parameters: &Map<String, Value>,
        limits: &Limits,
        grants: &Grants,
        models: &StepModels,
        recorder: Option<&Recorder>,
    ) -> Result<ConfiguredStep, BindError> {
        let access = self.access(grants, models, recorder).map_err(BindError::Grants)?;
        self.bind(parameters, limits, access).map_err(BindError::Bind)
    }

    fn bind(
        &self,
        parameters: &Map<String, Value>,
        limits: &Limits,
        access: Option<Arc<Access>>,
    ) -> Result<ConfiguredStep, Box<Failure>> {
        let parameters: Arc<str> = Value::Object(parameters.clone()).to_string().into();
        let subject = CallSubject::function("bind");
        let options =
            CallOptions { limits, stop: self.pool.stop(), seed: 0, access: access.as_ref(), log: None, subject };
        let signature = self.pool.loader().bind(&self.component, &parameters, &options)?;
        let (pool, component) = (self.pool.clone(), Arc::clone(&self.component));
        let (limits, on_failure) = (limits.clone(), OnFailure::default());
        let snapshot = StepSnapshot::new(self.pool.loader(), &component, &parameters, &limits, access.as_ref());
        Ok(ConfiguredStep { pool, component, snapshot, parameters, signature, limits, access, on_failure })
    }

    /// Makes grants ready for the instances of a step. Returns `None` if nothing is granted.
    fn access(
        &self,
        grants: &Grants,
        models: &StepModels,
        recorder: Option<&Recorder>,
    ) -> Result<Option<Arc<Access>>, GrantError> {
        if grants.is_empty() && models.is_empty() {
            return Ok(None);
        }
        let network = Arc::new(Network::new(self.pool.shared.name_servers.clone()));
        Access::standalone(grants, models, &network, recorder).map(|access| Some(Arc::new(access)))
    }
}

impl fmt::Debug for LoadedComponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedComponent").field("digest", self.component.digest()).finish_non_exhaustive()
    }
}

/// A step that has accepted its parameters. It can be bound to the columns of any number of inputs.
#[derive(Clone)]
pub struct ConfiguredStep {
    pub(super) pool: StepPool,
    pub(super) component: Arc<Component>,
    pub(super) snapshot: Option<Arc<StepSnapshot>>,
    pub(super) parameters: Arc<str>,
    pub(super) signature: Signature,
    pub(super) limits: Limits,
    pub(super) access: Option<Arc<Access>>,
    pub(super) on_failure: OnFailure,
}

impl ConfiguredStep {
    /// Returns the step's manifest.
    pub fn manifest(&self) -> &Manifest {
        self.component.manifest()
    }

    /// Returns the digest of the component's file: `sha256:` and 64 hexadecimal digits.
    pub fn digest(&self) -> &str {
        self.component.digest()
    }

    /// Returns the columns that the step reads and writes.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

impl fmt::Debug for ConfiguredStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfiguredStep").field("signature", &self.signature).finish_non_exhaustive()
    }
}
