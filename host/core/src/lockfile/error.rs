//! Errors of lock files.

use std::io;
use std::path::PathBuf;

/// Why a lock file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// There is no lock file.
    #[error("there is no lock `{}`: create it with `stillbox lock`, and review it", .path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("cannot {action} the lock `{}`", .path.display())]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not a lock of this version.
    #[error("cannot read the lock `{}`: {problem}", .path.display())]
    Malformed {
        /// The path.
        path: PathBuf,
        /// The problem, with its line.
        problem: String,
    },
}
