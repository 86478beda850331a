//! The folder of one run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::begin::id_of;
use super::checkpoint::Checkpoint;
use super::lock::{HeldLocks, PartFiles, write_lock};
use super::record::RunRecord;
use crate::corrupt::CorruptFile;

const RECORD: &str = "record.json";
const CHECKPOINT: &str = "checkpoint.json";

/// The folder of a run, and the right to change what is in it: as long as it lives no other run of the pipeline begins.
#[derive(Debug, Clone)]
pub(crate) struct RunFolder {
    path: PathBuf,
    locks: Arc<HeldLocks>,
}

impl RunFolder {
    pub(super) fn new(path: PathBuf, locks: &Arc<HeldLocks>) -> Self {
        Self { path, locks: Arc::clone(locks) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Says what the run is going to write beside its outputs, which the next run removes if this one is killed before it is
    /// recorded.
    pub(crate) fn write_part_files(&self, parts: Vec<String>) -> io::Result<()> {
        write_lock(&self.locks.job, Some(&PartFiles { run: id_of(&self.path), parts }))
    }

    /// Writes what lists show. It may be lost with the power; nothing depends on it. So it is not put in the place of the one
    /// before at once, which some file systems make more expensive than the whole rest of a small run.
    pub(crate) fn record(&self, record: &RunRecord) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        let bytes = serde_json::to_vec(record)?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(self.path.join(RECORD))?;
        file.write_all(&bytes)?;
        file.set_len(bytes.len() as u64)
    }

    /// Writes a checkpoint in place of the one before, of which all is there until all of this is.
    pub(crate) fn save(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let path = self.path.join(CHECKPOINT);
        let aside = path.with_extension("new");
        let mut file = File::create(&aside)?;
        file.write_all(&checkpoint.encode()?)?;
        file.sync_all()?;
        // The names of the files that it counts on come before its own.
        let folder = File::open(&self.path)?;
        folder.sync_all()?;
        fs::rename(aside, path)?;
        if let Err(error) = folder.sync_all() {
            tracing::warn!("the last checkpoint may not survive a loss of power: {error}");
        }
        Ok(())
    }

    /// Whether there is a checkpoint in it.
    pub(crate) fn has_checkpoint(&self) -> bool {
        self.path.join(CHECKPOINT).exists()
    }

    /// Makes the folder itself, and the record in it, survive the power.
    pub(crate) fn sync(&self, record: &RunRecord) -> io::Result<()> {
        self.record(record)?;
        File::open(self.path.join(RECORD))?.sync_all()?;
        for folder in self.path.ancestors().skip(1).take(2) {
            File::open(folder)?.sync_all()?;
        }
        // Those above may be new as well, or not ours to look into.
        for folder in self.path.ancestors().skip(3).take(3) {
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }

    /// Removes all but the record.
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

/// What a run's folder has for lists; in words why it is of no use.
pub(super) fn record_in(folder: &Path) -> Result<RunRecord, String> {
    let file = folder.join(RECORD);
    let bytes = fs::read(&file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    serde_json::from_slice(&bytes).map_err(|error| CorruptFile::new(file, error.to_string()).to_string())
}

/// The checkpoint in a run's folder, if there is one; in words why it is of no use.
pub(super) fn checkpoint_in(folder: &Path) -> Option<Result<Checkpoint, String>> {
    let file = folder.join(CHECKPOINT);
    match fs::read(&file) {
        Ok(bytes) => Some(Checkpoint::decode(&file, &bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(Err(format!("{} cannot be read: {error}", file.display()))),
    }
}
