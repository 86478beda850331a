//! Why there is no configuration.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::diagnostic::Diagnostics;

/// Why a pipeline file could not be taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the pipeline file `{}`", crate::text::escape_controls(&file.display().to_string()))]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why it could not be read.
        source: io::Error,
    },
    /// The file was read, and something in it, or in what the command line changes about it, is wrong.
    #[error(transparent)]
    Invalid(#[from] Diagnostics),
}
