use crate::contract::{Kind, Manifest};
use crate::parameters::{self, Parameters};

/// What a step's crate says of it.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The package's name.
    pub name: &'static str,
    /// The package's version.
    pub version: &'static str,
    /// The first paragraph of the step's documentation.
    pub summary: &'static str,
    /// The package's description, in case there is no documentation.
    pub description: &'static str,
}

/// A step's manifest.
pub(crate) fn manifest<P: Parameters>(about: &About, kind: Kind) -> Manifest {
    let summary = if about.summary.is_empty() { about.description } else { about.summary };
    Manifest {
        name: about.name.to_owned(),
        version: about.version.to_owned(),
        summary: summary.to_owned(),
        kind,
        parameters: parameters::schema::<P>(),
    }
}
