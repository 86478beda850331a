//! Removing what runs have left.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::RunStore;
use super::begin::id_of;
use super::error::RunStoreError;
use super::folder::{checkpoint_in, record_in};
use super::lock::{LOCK, OUTPUT_LOCKS, PartFiles, folders_in, is_same_file, part_ending, read_part_files};
use super::record::{RunRecord, RunState, now};
use crate::sink;

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneSummary {
    /// Runs that had ended.
    pub ended: usize,
    /// Runs that could have gone on.
    pub unfinished: usize,
}

impl RunStore {
    /// Removes what is kept of runs that are not running: records of those that have ended, and those that could go on if
    /// nothing has happened to them for this long.
    ///
    /// # Errors
    /// The directory cannot be read, or something in it cannot be removed.
    pub fn prune(&self, unfinished_for: Duration) -> Result<PruneSummary, RunStoreError> {
        let mut pruned = PruneSummary::default();
        let jobs = match folders_in(self.directory()) {
            Ok(jobs) => jobs,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(pruned),
            Err(source) => return Err(RunStoreError::io("look into", self.directory(), source)),
        };
        for job in jobs {
            let path = job.join(LOCK);
            // To be written as well, which a lock over a network needs.
            let Ok(lock) = OpenOptions::new().read(true).write(true).open(&path) else { continue };
            if lock.try_lock().is_err() || !is_same_file(&lock, &path) {
                continue;
            }
            let part_files = read_part_files(&lock);
            let folders = folders_in(&job).map_err(|source| RunStoreError::io("look into", &job, source))?;
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
                // The lock in it is still held, so that nobody takes one that is about to be gone.
                fs::remove_dir_all(&job).map_err(|source| RunStoreError::io("remove", &job, source))?;
            }
        }
        remove_unused_output_locks(&self.directory().join(OUTPUT_LOCKS));
        Ok(pruned)
    }
}

/// Removes the locks of outputs that nobody writes.
fn remove_unused_output_locks(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let lock = OpenOptions::new().read(true).write(true).open(entry.path());
        if lock.is_ok_and(|lock| lock.try_lock().is_ok() && is_same_file(&lock, &entry.path())) {
            let _ = fs::remove_file(entry.path());
        }
    }
    // Nobody misses it, unless there is one in it that is held.
    let _ = fs::remove_dir(directory);
}

/// How long nothing has happened to a run.
fn age(folder: &Path) -> Duration {
    let changed = fs::metadata(folder).and_then(|metadata| metadata.modified());
    changed.ok().and_then(|changed| SystemTime::now().duration_since(changed).ok()).unwrap_or_default()
}

/// What a run has left: its folder, and the parts of its outputs.
#[derive(Debug)]
pub(super) struct RunFiles {
    folder: PathBuf,
    parts: Vec<String>,
}

impl RunFiles {
    /// What is in a folder, and given what was part_files last in its job.
    pub(super) fn new(folder: PathBuf, part_files: Option<&PartFiles>) -> Self {
        let parts = parts_of(&folder, part_files);
        Self { folder, parts }
    }

    /// Removes it.
    ///
    /// # Errors
    /// The folder, or something in it, cannot be removed.
    pub(super) fn remove(self) -> Result<(), RunStoreError> {
        remove_parts(&id_of(&self.folder), &self.parts);
        fs::remove_dir_all(&self.folder).map_err(|source| RunStoreError::io("remove", self.folder, source))
    }
}

/// The parts of a run's outputs: those in its record, or where that is damaged those that it has if it writes what was
/// part_files last in its job.
pub(super) fn parts_of(folder: &Path, part_files: Option<&PartFiles>) -> Vec<String> {
    match (record_in(folder), part_files) {
        (Ok(record), _) => record.parts,
        (Err(_), Some(part_files)) => part_files.parts_of(&id_of(folder)),
        (Err(what), None) => {
            tracing::warn!(
                "{what}; files beside its outputs whose names end with `{}` are not found, and can be removed by hand",
                part_ending(&id_of(folder))
            );
            Vec::new()
        }
    }
}

/// Removes what a run has left that was killed before it could have gone on.
pub(super) fn clean_up(folder: &Path, record: RunRecord) -> io::Result<()> {
    remove_parts(&id_of(folder), &record.parts);
    for entry in fs::read_dir(folder)? {
        fs::remove_file(entry?.path())?;
    }
    let rows = record.rows;
    let record = RunRecord { parts: Vec::new(), ..record }.ended(RunState::Interrupted, rows);
    fs::write(folder.join("record.json"), serde_json::to_vec(&RunRecord { written: now(), ..record })?)
}

/// Removes parts of outputs; only what has the name that this run gives to them.
pub(super) fn remove_parts(run: &str, parts: &[String]) {
    let ending = part_ending(run);
    for part in parts.iter().filter(|part| part.ends_with(&ending)) {
        // Each may be in its place already.
        let _ = fs::remove_file(part);
        let _ = fs::remove_file(sink::copy_path(Path::new(part)));
    }
}
