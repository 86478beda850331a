//! Locks between processes that build into the same folder.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::BuildOptions;
use super::error::BuildError;
use crate::event::Event;

/// The interval between attempts: shorter than a person notices.
const RETRY_EVERY: Duration = Duration::from_millis(50);

/// A lock that is held until it is dropped, or the process ends.
pub(super) struct BuildLock {
    _file: File,
}

impl BuildLock {
    /// Locks a file, and creates it if necessary. Reports once that it waits for `what`.
    ///
    /// # Errors
    /// The file cannot be created, or the build was cancelled while it waited.
    pub(super) fn take(path: &Path, what: &str, options: BuildOptions<'_>) -> Result<Self, BuildError> {
        Self::take_by(File::try_lock, path, what, options)
    }

    /// As [`take`](Self::take), for a lock that several builds can hold at the same time.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(super) fn share(path: &Path, what: &str, options: BuildOptions<'_>) -> Result<Self, BuildError> {
        Self::take_by(File::try_lock_shared, path, what, options)
    }

    fn take_by(
        try_lock: fn(&File) -> Result<(), TryLockError>,
        path: &Path,
        what: &str,
        options: BuildOptions<'_>,
    ) -> Result<Self, BuildError> {
        let failed = |source: io::Error| BuildError::Output { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // Windows locks no file that is open for appending alone.
        let file = File::options().read(true).create(true).append(true).open(path).map_err(failed)?;
        let mut is_reported = false;
        loop {
            match try_lock(&file) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => {}
                // Some network file systems have no locks. The tools have their own.
                Err(TryLockError::Error(error)) => {
                    tracing::debug!("cannot lock `{}`: {error}", path.display());
                    return Ok(Self { _file: file });
                }
            }
            if options.is_cancelled() {
                return Err(BuildError::Interrupted);
            }
            if !std::mem::replace(&mut is_reported, true) {
                options.report(&Event::BuildWaits { what });
            }
            thread::sleep(RETRY_EVERY);
        }
    }
}
