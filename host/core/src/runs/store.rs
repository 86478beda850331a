//! The directory with the state of runs.

use std::path::{Path, PathBuf};

/// The directory with the state of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStore {
    directory: PathBuf,
}

impl RunStore {
    /// The runs in a directory. It is created when a run first writes its state.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}
