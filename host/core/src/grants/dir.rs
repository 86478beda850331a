//! A grant for a folder.

use std::path::{Path, PathBuf};

/// A folder that a step may read, or write to.
///
/// A step with `write` sees an empty folder. Its files are moved to `path` when the run is done, so that a run that fails
/// leaves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirGrant {
    path: PathBuf,
    at: String,
    write: bool,
    bytes: u64,
}

/// Bytes that a step may write to a folder in one run, by default.
const DEFAULT_BYTES: u64 = 1 << 30;

impl DirGrant {
    /// Grants reading a folder. The step sees it at `/` and the folder's name.
    pub fn read(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let at = format!("/{}", name(&path));
        Self { path, at, write: false, bytes: DEFAULT_BYTES }
    }

    /// Grants writing new files to a folder.
    pub fn write(path: impl Into<PathBuf>) -> Self {
        Self { write: true, ..Self::read(path) }
    }

    /// Sets the path at which the step sees the folder. Default: `/` and the name of the folder.
    #[must_use]
    pub fn at(mut self, at: impl Into<String>) -> Self {
        self.at = at.into();
        self
    }

    /// Sets the number of bytes that all instances of the step together may write in one run. Every new file or folder
    /// counts as 4 KiB more. Default 1 GiB.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path at which the step sees the folder.
    pub fn guest_path(&self) -> &str {
        &self.at
    }

    /// Returns whether the step may write.
    pub fn is_writable(&self) -> bool {
        self.write
    }

    /// Returns the number of bytes that may be written.
    pub fn byte_limit(&self) -> u64 {
        self.bytes
    }
}

/// The last part of a path that has a name; `root` for `/`.
fn name(path: &Path) -> String {
    let own = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let absolute = || dunce::canonicalize(path).ok()?.file_name().map(|name| name.to_string_lossy().into_owned());
    own.or_else(absolute).unwrap_or_else(|| "root".to_owned())
}
