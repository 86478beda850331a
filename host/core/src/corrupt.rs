//! That a file which is kept from run to run is not what was written.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// What to do about a damaged file of a run that could have gone on.
pub(crate) const RESTART_HINT: &str = "`--restart` begins anew";

/// A file that is not what was written, because the disk failed or somebody changed it. What to do about it depends on
/// what needs the file, so whoever tells of it adds that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is damaged: {what}", path.display())]
pub(crate) struct CorruptFile {
    path: PathBuf,
    what: String,
}

impl CorruptFile {
    /// The file, and what is wrong with it: a sentence without its end.
    pub(crate) fn new(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self { path: path.into(), what: what.into() }
    }

    /// Whether that is among the causes of an error.
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

/// Whether an error is one, or has one within as those of the operating system may.
fn is_corrupt(error: &(dyn Error + 'static)) -> bool {
    let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<CorruptFile>() || within.is_some_and(<dyn Error + Send + Sync>::is::<CorruptFile>)
}

impl From<CorruptFile> for io::Error {
    fn from(corrupt: CorruptFile) -> Self {
        Self::new(io::ErrorKind::InvalidData, corrupt)
    }
}
