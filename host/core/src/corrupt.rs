//! Corrupt files: files from an earlier run or stage that do not have the content that was written.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// The hint for a corrupt file of a run that would otherwise be resumable.
pub(crate) const RESTART_HINT: &str = "add `--restart` to start a new run";

/// A file that does not have the content that was written, because of a disk error or a change from outside. The caller
/// adds a hint, which depends on the use of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is corrupt: {what}", path.display())]
pub(crate) struct CorruptFile {
    path: PathBuf,
    what: String,
}

impl CorruptFile {
    /// Creates an error about a file. `what` describes the problem, without a full stop.
    pub(crate) fn new(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self { path: path.into(), what: what.into() }
    }

    /// Returns whether a corrupt file is among the causes of an error.
    pub(crate) fn is_cause_of(error: &dyn Error) -> bool {
        let mut next = error.source();
        while let Some(cause) = next {
            if is_corrupt(cause) {
                return true;
            }
            next = cause.source();
        }
        false
    }
}

/// Returns whether an error is a [`CorruptFile`], or an I/O error that contains one.
fn is_corrupt(error: &(dyn Error + 'static)) -> bool {
    let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<CorruptFile>() || within.is_some_and(<dyn Error + Send + Sync>::is::<CorruptFile>)
}

impl From<CorruptFile> for io::Error {
    fn from(corrupt: CorruptFile) -> Self {
        Self::new(io::ErrorKind::InvalidData, corrupt)
    }
}
