use crate::contract::{Kind, Manifest};
use crate::parameters::{self, Parameters};

/// The description of a step in its crate's manifest and documentation.
#[derive(Clone, Copy, Debug)]
pub struct StepInfo {
    /// The package's name.
    pub name: &'static str,
    /// The package's version.
    pub version: &'static str,
    /// The first paragraph of the step's documentation.
    pub summary: &'static str,
    /// The package's description, used if the step has no documentation.
    pub description: &'static str,
}

/// Creates a step's manifest.
pub(crate) fn manifest<P: Parameters>(info: &StepInfo, kind: Kind) -> Manifest {
    let summary = if info.summary.is_empty() { info.description } else { info.summary };
    Manifest {
        name: info.name.to_owned(),
        version: info.version.to_owned(),
        summary: summary.to_owned(),
        kind,
        parameters: parameters::schema::<P>(),
    }
}
