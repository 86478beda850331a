//! Errors of loading a pipeline file.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::diagnostic::Diagnostics;

/// An error that occurred while a pipeline file was loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the pipeline file `{}`", crate::text::escape_controls(&file.display().to_string()))]
    Unreadable {
        /// The path of the file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The policy file could not be read.
    #[error("cannot read the policy file `{}`", crate::text::escape_controls(&file.display().to_string()))]
    Policy {
        /// The path of the file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file, or the changes of the command line to it, have problems.
    #[error(transparent)]
    Invalid(#[from] Diagnostics),
}
