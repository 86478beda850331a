//! Removing the files of runs.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::error::RunStoreError;
use super::folder::{RECORD, checkpoint_in, id_of, record_in};
use super::lock::{LOCK, PartFiles, folders_in, is_same_file, part_ending, read_part_files};
use super::output_lock;
use super::record::{RunRecord, RunState, now};
use super::store::RunStore;
use super::stored_path::StoredPath;
use crate::private_dir::{check_private, not_followed};
use crate::sink;

/// The numbers of removed runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PruneSummary {
    /// Ended runs, of which only a record existed.
    pub ended: usize,
    /// Unfinished runs, which could have been resumed.
    pub unfinished: usize,
}

impl RunStore {
    /// Removes the state of runs that are not in progress: of ended runs, and of unfinished runs without a change for at least
    /// `unfinished_for`.
    ///
    /// # Errors
    /// The directory cannot be read, or something in it cannot be removed.
    pub fn prune(&self, unfinished_for: Duration) -> Result<PruneSummary, RunStoreError> {
        let mut pruned = PruneSummary::default();
        let pipeline_folders = match folders_in(self.directory()) {
            Ok(pipeline_folders) => pipeline_folders,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(pruned),
            Err(source) => return Err(RunStoreError::io("read", self.directory(), source)),
        };
        // The state names files to remove, so it has to be this user's.
        check_private(self.directory())
            .map_err(|source| RunStoreError::io("use the directory", self.directory(), source))?;
        for pipeline_folder in pipeline_folders {
            let path = pipeline_folder.join(LOCK);
            // Locks on network file systems require write access.
            let Ok(lock) = not_followed().read(true).write(true).open(&path) else { continue };
            if lock.try_lock().is_err() || !is_same_file(&lock, &path) {
                continue;
            }
            let part_files = read_part_files(&lock);
            let folders =
                folders_in(&pipeline_folder).map_err(|source| RunStoreError::io("read", &pipeline_folder, source))?;
            let mut left = 0;
            for folder in folders {
                let is_resumable = checkpoint_in(&folder).is_some();
                if is_resumable && age(&folder) < unfinished_for {
                    left += 1;
                    continue;
                }
                RunFiles::new(folder, part_files.as_ref()).remove()?;
                if is_resumable { pruned.unfinished += 1 } else { pruned.ended += 1 }
            }
            if left == 0 {
                if let Some(last) = part_files {
                    remove_parts(&last.run, &last.parts);
                }
                // The lock is still held, so no run can start in the folder during its removal.
                fs::remove_dir_all(&pipeline_folder)
                    .map_err(|source| RunStoreError::io("remove", &pipeline_folder, source))?;
            }
        }
        Ok(pruned)
    }
}

/// The time since the last change of a run's folder.
fn age(folder: &Path) -> Duration {
    let changed = fs::metadata(folder).and_then(|metadata| metadata.modified());
    changed.ok().and_then(|changed| SystemTime::now().duration_since(changed).ok()).unwrap_or_default()
}

/// The files of a run: its folder, and its part files.
#[derive(Debug)]
pub(super) struct RunFiles {
    folder: PathBuf,
    parts: Vec<StoredPath>,
}

impl RunFiles {
    /// The files of the run in a folder. `part_files` is the content of the pipeline's lock file.
    pub(super) fn new(folder: PathBuf, part_files: Option<&PartFiles>) -> Self {
        let parts = parts_of(&folder, part_files);
        Self { folder, parts }
    }

    /// Removes all files of the run.
    ///
    /// # Errors
    /// The folder, or something in it, cannot be removed.
    pub(super) fn remove(self) -> Result<(), RunStoreError> {
        remove_parts(&id_of(&self.folder), &self.parts);
        fs::remove_dir_all(&self.folder).map_err(|source| RunStoreError::io("remove", self.folder, source))
    }
}

/// The part files of a run. They are in its record; if that is corrupt, they are derived from the lock file, since all runs
/// in a folder write the same outputs.
pub(super) fn parts_of(folder: &Path, part_files: Option<&PartFiles>) -> Vec<StoredPath> {
    match (record_in(folder), part_files) {
        (Ok(record), _) => record.parts,
        (Err(_), Some(part_files)) => part_files.parts_of(&id_of(folder)),
        (Err(what), None) => {
            tracing::warn!(
                "{what}; part files whose names end with `{}` may remain next to its outputs; remove them by hand",
                part_ending(&id_of(folder))
            );
            Vec::new()
        }
    }
}

/// Removes the files of a run that was killed before its first checkpoint, except the record, and updates the record.
pub(super) fn clean_up(folder: &Path, record: RunRecord) -> io::Result<()> {
    remove_parts(&id_of(folder), &record.parts);
    for entry in fs::read_dir(folder)? {
        fs::remove_file(entry?.path())?;
    }
    let rows = record.rows;
    let record = RunRecord { parts: Vec::new(), ..record }.ended(RunState::Interrupted, rows);
    let mut file = not_followed().write(true).create_new(true).open(folder.join(RECORD))?;
    file.write_all(&serde_json::to_vec(&RunRecord { written: now(), ..record })?)
}

/// Removes part files of a run, and the locks of its outputs that no run holds. Paths whose names do not end like those of this run are ignored, because a record may be
/// corrupt.
pub(super) fn remove_parts(run: &str, parts: &[StoredPath]) {
    let ending = part_ending(run);
    for part in parts.iter().filter(|part| part.ends_with(&ending)) {
        // The part file may have been renamed to its output already.
        let _ = fs::remove_file(&**part);
        let _ = fs::remove_file(sink::copy_path(part));
        if let Some(lock) = part.with_ending(&ending, sink::LOCK_ENDING) {
            output_lock::remove_unused(&lock);
        }
    }
}
