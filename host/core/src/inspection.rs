//! Inspecting a step without a pipeline.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::component::{ComponentError, Import, Manifest, Signature, Toolchain, asks_models};
use crate::engine::{Fuel, Resident};
use crate::failure::{Failure, FailureKind};
use crate::interrupt::{Interrupt, Stop};
use crate::limits::Limits;
use crate::runtime::{Engine, EngineError, Reservation};
use crate::sandbox::{CallOptions, CallSubject};

/// One instance is being dropped while the next is created.
const INSTANCES: u32 = 2;

/// The description of a step.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// The manifest: name, version, summary and parameters of the step.
    pub manifest: Manifest,
    /// The imports of the component.
    pub imports: Vec<Import>,
    /// The size of the file in bytes.
    pub size: u64,
    /// The digest of the file: `sha256:` and 64 hexadecimal digits.
    pub digest: Arc<str>,
    /// The tools that built the component.
    pub toolchain: Toolchain,
    /// The time it took to compile the component for this machine, now or when it was cached.
    pub compiled_in: Duration,
    /// The columns of the step. `None` without parameters.
    pub signature: Option<Signature>,
}

impl Inspection {
    /// Returns whether the step asks models.
    pub fn asks_models(&self) -> bool {
        asks_models(&self.imports)
    }
}

/// An error of inspecting a step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The file is not a step.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The step does not accept the parameters.
    #[error("{}", match .0.kind {
        FailureKind::Parameters => "the step does not accept these parameters",
        _ => "the step cannot be bound to these parameters",
    })]
    Parameters(#[source] Box<Failure>),
    /// The sandbox cannot be set up on this machine.
    #[error(transparent)]
    Setup(#[from] EngineError),
}

/// Loads the step in a file and describes it. With parameters (a JSON object) the step is bound as well.
///
/// # Errors
/// The file is not a step, the step does not accept the parameters, or the sandbox cannot be set up.
pub fn inspect(
    engine: &Engine,
    path: &Path,
    parameters: Option<&str>,
    interrupt: &Interrupt,
) -> Result<Inspection, InspectError> {
    let reservation = engine.reserve(INSTANCES, Fuel::Off, Resident::default())?;
    let has_misfit = || reservation.loader().has_misfit();
    match inspect_in(&reservation, path, parameters, interrupt) {
        Err(_) if has_misfit() => {
            inspect_in(&engine.reserve_on_demand(INSTANCES, Fuel::Off)?, path, parameters, interrupt)
        }
        result => result,
    }
}

fn inspect_in(
    reservation: &Reservation,
    path: &Path,
    parameters: Option<&str>,
    interrupt: &Interrupt,
) -> Result<Inspection, InspectError> {
    let loader = reservation.loader();
    let stop = Stop::on(interrupt, loader.sandbox().engine());
    let limits = Limits::default();
    let component = loader.load(path, &limits, &stop)?;
    let subject = CallSubject::function("bind");
    let options = CallOptions { limits: &limits, stop: &stop, seed: 0, access: None, log: None, subject };
    let bind = |parameters| loader.bind(&component, parameters, &options);
    let signature = parameters.map(bind).transpose().map_err(InspectError::Parameters)?;
    Ok(Inspection {
        manifest: component.manifest().clone(),
        imports: component.imports().to_vec(),
        size: component.size(),
        digest: Arc::clone(component.digest()),
        toolchain: component.toolchain().clone(),
        compiled_in: component.compiled_in(),
        signature,
    })
}
