//! Locks that keep two runs from writing the same output, whichever pipeline and state directory they have.
//!
//! The lock of an output is a file next to it, which is removed when the run ends. If the process is killed the kernel releases
//! the lock, and the next run of the output removes the file.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::RunStoreError;
use super::lock::{AcquireError, acquire, canonical_path, is_same_file, write_lock};
use crate::cleanup::{CleanupRegistry, Entry};
use crate::os;
use crate::private_dir::not_followed;
use crate::sink;

/// The locks of the outputs of a run. They are released when this is dropped, or when the process ends.
#[derive(Debug)]
pub(crate) struct OutputLocks {
    _held: Vec<OutputLock>,
}

#[derive(Debug)]
struct OutputLock {
    file: File,
    path: PathBuf,
    /// Lets the file be removed if the process exits early.
    _entry: Entry,
}

impl OutputLocks {
    /// Acquires the locks of all outputs that are regular files, or will be.
    ///
    /// An output whose lock cannot be created because its folder is missing or read-only is left out; opening the output reports
    /// the error. So is one on a file system without locks, with a warning.
    ///
    /// # Errors
    /// Another run writes one of the outputs, or the place of a lock is taken by a link or another kind of file.
    pub(crate) fn take(outputs: &[PathBuf], cleanup: &CleanupRegistry) -> Result<Self, RunStoreError> {
        // Several runs may write to a device or pipe at the same time. The order of the paths prevents deadlocks.
        let is_regular = |path: &PathBuf| fs::metadata(path).map_or(true, |there| there.is_file());
        let mut outputs: Vec<_> =
            outputs.iter().filter(|path| is_regular(path)).map(|path| canonical_path(path)).collect();
        outputs.sort();
        outputs.dedup();
        let mut held = Vec::with_capacity(outputs.len());
        for output in outputs {
            held.extend(OutputLock::take(&output, cleanup)?);
        }
        Ok(Self { _held: held })
    }
}

impl OutputLock {
    fn take(output: &Path, cleanup: &CleanupRegistry) -> Result<Option<Self>, RunStoreError> {
        let path = sink::lock_path(output);
        match acquire(&path, || open(&path)) {
            Ok(file) => {
                let lock = Self { file, _entry: cleanup.add(&path), path };
                lock.write_process_id();
                Ok(Some(lock))
            }
            Err(AcquireError::Busy(pid)) => Err(RunStoreError::BusyOutput { output: output.to_owned(), pid }),
            Err(AcquireError::Io(error)) if is_reported_by_output(&error) => Ok(None),
            Err(AcquireError::Io(error)) if os::has_no_locks(&error) => {
                tracing::warn!(
                    "{} cannot be locked, because its file system has no locks: do not run another pipeline that writes it",
                    output.display()
                );
                Ok(None)
            }
            Err(AcquireError::Io(source)) => Err(RunStoreError::io("use the lock", path, source)),
        }
    }

    /// Writes the id of this process for messages, unless the file could be that of another user under another name.
    fn write_process_id(&self) {
        if self.file.metadata().is_ok_and(|metadata| os::is_own(&metadata))
            && let Err(error) = write_lock(&self.file, None)
        {
            tracing::debug!("{}: the process is not named: {error}", self.path.display());
        }
    }
}

impl Drop for OutputLock {
    /// Removes the file while it is locked, so that it is not that of another run.
    fn drop(&mut self) {
        if is_same_file(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the lock of an output that no run writes, which a killed process has left.
pub(super) fn remove_unused(path: &Path) {
    let lock = not_followed().read(true).open(path);
    if lock.is_ok_and(|lock| lock.try_lock().is_ok() && is_same_file(&lock, path)) {
        let _ = fs::remove_file(path);
    }
}

/// Opens a lock file, and creates it if it does not exist. That of another user, who was killed, can be locked as well.
fn open(path: &Path) -> io::Result<File> {
    let file = match not_followed().read(true).write(true).create(true).truncate(false).open(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => not_followed().read(true).open(path)?,
        file => file?,
    };
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

fn is_reported_by_output(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn take(output: &Path) -> Result<OutputLocks, RunStoreError> {
        OutputLocks::take(&[output.to_owned()], &CleanupRegistry::new())
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        fs::read_dir(folder).unwrap().map(name).collect()
    }

    #[test]
    fn an_output_has_one_run_and_its_lock_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        let held = take(&output).unwrap();
        let busy = take(&folder.path().join("./out")).unwrap_err();
        let RunStoreError::BusyOutput { output: found, pid } = &busy else { panic!("{busy}") };
        assert_eq!((found, pid), (&canonical_path(&output), &std::process::id().to_string()));
        take(&folder.path().join("other")).unwrap();
        drop(held);
        assert_eq!(names(folder.path()), [""; 0]);
        // The file of a killed run is no lock.
        fs::write(sink::lock_path(&canonical_path(&output)), "1\n").unwrap();
        drop(take(&output).unwrap());
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn devices_and_outputs_in_missing_folders_are_not_locked() {
        let (_first, _second) = (take(Path::new("/dev/null")).unwrap(), take(Path::new("/dev/null")).unwrap());
        take(Path::new("/no/such/folder/out")).unwrap();
    }

    #[test]
    fn the_file_that_a_lock_links_to_is_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (output, victim) = (folder.path().join("out"), folder.path().join("victim"));
        fs::write(&victim, "a").unwrap();
        let lock = sink::lock_path(&canonical_path(&output));
        symlink(&victim, &lock).unwrap();
        assert!(matches!(take(&output), Err(RunStoreError::Io { .. })));
        fs::remove_file(&lock).unwrap();
        fs::hard_link(&victim, &lock).unwrap();
        drop(take(&output).unwrap());
        assert_eq!(fs::read(&victim).unwrap(), b"a");
    }
}
