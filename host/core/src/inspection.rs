//! What can be said of a step from its file alone.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::component::{ComponentError, Import, Manifest, Signature, Toolchain};
use crate::engine::{Fuel, Resident};
use crate::failure::Failure;
use crate::interrupt::{Interrupt, Stop};
use crate::limits::Limits;
use crate::runtime::{Engine, EngineError};

/// A step, described.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// What the step says of itself.
    pub manifest: Manifest,
    /// What it imports.
    pub imports: Vec<Import>,
    /// The size of its file in bytes.
    pub size: u64,
    /// The digest of its file: `sha256:` and 64 hexadecimal digits.
    pub digest: Arc<str>,
    /// What it was made with.
    pub toolchain: Toolchain,
    /// How long it took to compile for this machine, now or when that was done.
    pub compiled_in: Duration,
    /// Its columns, where parameters were given.
    pub signature: Option<Signature>,
}

/// Why a step cannot be described.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The file is not a step.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The step does not accept the parameters.
    #[error("the step does not accept these parameters: {0}")]
    Parameters(Box<Failure>),
    /// The sandbox cannot be set up on this machine.
    #[error(transparent)]
    Setup(#[from] EngineError),
}

/// Describes the step in a file. It is loaded and asked; with parameters (a JSON object) it is bound, too.
///
/// # Errors
/// The file is not a step, or the step refuses the parameters.
pub fn inspect(
    engine: &Engine,
    path: &Path,
    parameters: Option<&str>,
    interrupt: &Interrupt,
) -> Result<Inspection, InspectError> {
    let reservation = engine.reserve(2, Fuel::Off, Resident::default())?;
    let loader = reservation.loader();
    let stop = Stop::on(interrupt, loader.sandbox().engine());
    let limits = Limits::default();
    let component = loader.load(path, &limits, &stop)?;
    let bind = |parameters| loader.bind(&component, parameters, &limits, &stop);
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
