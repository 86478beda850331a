//! The folder of one run.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use super::checkpoint::Checkpoint;
use super::lock::{PartFiles, write_lock};
use super::record::RunRecord;
use super::stored_path::StoredPath;
use crate::corrupt::CorruptFile;
use crate::os;
use crate::private_dir::{make_private, not_followed};

pub(super) const RECORD: &str = "record.json";
const CHECKPOINT: &str = "checkpoint";
/// A later checkpoint that is valid until the system restarts.
const UNTIL_RESTART: &str = "checkpoint-until-restart";

/// The folder of a run, with the lock that allows changing it. While it lives, no other run of the pipeline can start.
#[derive(Debug, Clone)]
pub(crate) struct RunFolder {
    path: PathBuf,
    lock: Arc<File>,
}

impl RunFolder {
    pub(super) fn new(path: PathBuf, lock: &Arc<File>) -> Self {
        Self { path, lock: Arc::clone(lock) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the folder if it does not exist.
    pub(crate) fn create(&self) -> io::Result<()> {
        make_private(&self.path)
    }

    /// Writes the paths of the run's part files to the lock file. If this run is killed before it has a record, the next one
    /// removes them.
    pub(crate) fn write_part_files(&self, parts: Vec<StoredPath>) -> io::Result<()> {
        write_lock(&self.lock, Some(&PartFiles { run: id_of(&self.path), parts }))
    }

    /// Writes the record of the run. It is neither synced nor replaced atomically: only `stillbox runs` depends on it, and on
    /// some file systems a rename takes longer than the whole rest of a small run.
    pub(crate) fn record(&self, record: &RunRecord) -> io::Result<()> {
        self.create()?;
        let bytes = serde_json::to_vec(record)?;
        let mut file = not_followed().write(true).create(true).truncate(false).open(self.path.join(RECORD))?;
        file.write_all(&bytes)?;
        file.set_len(bytes.len() as u64)
    }

    /// Replaces the checkpoint atomically and syncs it to disk.
    pub(crate) fn save(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let (aside, file) = self.write_aside(CHECKPOINT, checkpoint)?;
        file.sync_all()?;
        // The directory entries of the files that the checkpoint refers to must be on disk before the checkpoint.
        os::sync_folder(&self.path)?;
        // Before the rename, so that the files are never shorter than the checkpoint says.
        match fs::remove_file(self.path.join(UNTIL_RESTART)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(aside, self.path.join(CHECKPOINT))?;
        if let Err(error) = os::sync_folder(&self.path) {
            tracing::warn!("the last checkpoint may not survive a loss of power: {error}");
        }
        Ok(())
    }

    /// Saves a checkpoint that is valid until the system restarts, next to the one that is on the disk. Nothing is synced.
    pub(crate) fn save_until_restart(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let boot = boot_id().ok_or(io::ErrorKind::Unsupported)?;
        let (aside, _) = self.write_aside(UNTIL_RESTART, &Checkpoint { boot: Some(boot), ..checkpoint.clone() })?;
        fs::rename(aside, self.path.join(UNTIL_RESTART))
    }

    /// Writes a checkpoint to a file next to the one with this name.
    fn write_aside(&self, name: &str, checkpoint: &Checkpoint) -> io::Result<(PathBuf, File)> {
        let aside = self.path.join(name).with_extension("new");
        let mut file = not_followed().write(true).create(true).truncate(true).open(&aside)?;
        file.write_all(&checkpoint.encode()?)?;
        Ok((aside, file))
    }

    /// Whether the run has a checkpoint.
    pub(crate) fn has_checkpoint(&self) -> bool {
        checkpoint_in(&self.path).is_some()
    }

    /// Writes the record, and syncs it and the folder to disk.
    pub(crate) fn sync(&self, record: &RunRecord) -> io::Result<()> {
        self.record(record)?;
        os::sync_file(&self.path.join(RECORD))?;
        for folder in self.path.ancestors().skip(1).take(2) {
            os::sync_folder(folder)?;
        }
        // Further parents may be new as well, or not accessible.
        for folder in self.path.ancestors().skip(3).take(3) {
            let _ = os::sync_folder(folder);
        }
        Ok(())
    }

    /// Removes all files except the record.
    pub(crate) fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name() != RECORD {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    not_followed().read(true).open(file)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the record of a run.
///
/// # Errors
/// A message: the file cannot be read, or is corrupt.
pub(super) fn record_in(folder: &Path) -> Result<RunRecord, String> {
    let file = folder.join(RECORD);
    let bytes = read(&file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    serde_json::from_slice(&bytes).map_err(|error| CorruptFile::new(file, error.to_string()).to_string())
}

/// Reads the last valid checkpoint of a run. Returns `None` if it has none.
///
/// # Errors
/// A message: the file cannot be read, is corrupt, or is of another version.
pub(super) fn checkpoint_in(folder: &Path) -> Option<Result<Checkpoint, String>> {
    checkpoint_since(folder, boot_id().as_deref())
}

/// As [`checkpoint_in`], in the boot of the system with this id.
fn checkpoint_since(folder: &Path, boot: Option<&str>) -> Option<Result<Checkpoint, String>> {
    let file = folder.join(UNTIL_RESTART);
    // After a restart the file may have any content.
    let later = read(&file).ok().and_then(|bytes| Checkpoint::decode(&file, &bytes).ok());
    if let Some(later) = later.filter(|later| later.boot.is_some() && later.boot.as_deref() == boot) {
        return Some(Ok(later));
    }
    let file = folder.join(CHECKPOINT);
    match read(&file) {
        Ok(bytes) => Some(Checkpoint::decode(&file, &bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(Err(format!("{} cannot be read: {error}", file.display()))),
    }
}

/// Whether a restart of the system can be recognised. It may lose bytes that were written and not synced.
pub(crate) fn recognises_restarts() -> bool {
    boot_id().is_some()
}

/// The id of the boot of this system. `None` if the system has no such id, which Linux has.
fn boot_id() -> Option<String> {
    static ID: LazyLock<Option<String>> = LazyLock::new(|| {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let id = id.trim();
        (!id.is_empty()).then(|| id.to_owned())
    });
    ID.clone()
}

/// The id of the run with this folder.
pub(super) fn id_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::checkpoint::ResumePoint;
    use super::*;
    use crate::report::Report;

    fn checkpoint(next: u64) -> Checkpoint {
        let position = ResumePoint { next, ..ResumePoint::default() };
        Checkpoint::new("1-2", &BTreeMap::new(), position, Report::default())
    }

    #[test]
    fn a_checkpoint_that_is_not_on_the_disk_is_valid_until_the_system_restarts() {
        let folder = tempfile::tempdir().expect("there is room");
        let lock = Arc::new(File::create(folder.path().join("lock")).expect("there is room"));
        let run = RunFolder::new(folder.path().join("1-2"), &lock);
        run.create().expect("there is room");
        let next = |boot: Option<&str>| {
            let found = checkpoint_since(run.path(), boot)?;
            Some(found.expect("it is not corrupt").position.next)
        };
        let now = boot_id().expect("Linux has one");
        run.save_until_restart(&checkpoint(1)).expect("there is room");
        let other = Some("0e9cbb6e-0d4c-4a3c-8d7e-0b6d5d5d2a11");
        assert_eq!([next(Some(&now)), next(other), next(None)], [Some(1), None, None]);
        run.save(&checkpoint(2)).expect("there is room");
        assert_eq!([next(Some(&now)), next(other)], [Some(2), Some(2)]);
        run.save_until_restart(&checkpoint(3)).expect("there is room");
        assert_eq!([next(Some(&now)), next(other), next(None)], [Some(3), Some(2), Some(2)]);
        // A file that the system had not written completely.
        fs::write(run.path().join(UNTIL_RESTART), [0; 100]).expect("there is room");
        assert_eq!([next(Some(&now)), next(other)], [Some(2), Some(2)]);
    }
}
