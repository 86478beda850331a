//! The folder of one run.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::lock::{PartFiles, write_lock};
use super::record::RunRecord;
use super::stored_path::StoredPath;
use crate::corrupt::CorruptFile;
use crate::private_dir::{make_private, not_followed};

pub(super) const RECORD: &str = "record.json";
const CHECKPOINT: &str = "checkpoint";

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
        let path = self.path.join(CHECKPOINT);
        let aside = path.with_extension("new");
        let mut file = not_followed().write(true).create(true).truncate(true).open(&aside)?;
        file.write_all(&checkpoint.encode()?)?;
        file.sync_all()?;
        // The directory entries of the files that the checkpoint refers to must be on disk before the checkpoint.
        let folder = File::open(&self.path)?;
        folder.sync_all()?;
        fs::rename(aside, path)?;
        if let Err(error) = folder.sync_all() {
            tracing::warn!("the last checkpoint may not survive a loss of power: {error}");
        }
        Ok(())
    }

    /// Whether the run has a checkpoint.
    pub(crate) fn has_checkpoint(&self) -> bool {
        self.path.join(CHECKPOINT).exists()
    }

    /// Writes the record, and syncs it and the folder to disk.
    pub(crate) fn sync(&self, record: &RunRecord) -> io::Result<()> {
        self.record(record)?;
        File::open(self.path.join(RECORD))?.sync_all()?;
        for folder in self.path.ancestors().skip(1).take(2) {
            File::open(folder)?.sync_all()?;
        }
        // Further parents may be new as well, or not accessible.
        for folder in self.path.ancestors().skip(3).take(3) {
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
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

/// Reads the checkpoint of a run. Returns `None` if it has none.
///
/// # Errors
/// A message: the file cannot be read, is corrupt, or is of another version.
pub(super) fn checkpoint_in(folder: &Path) -> Option<Result<Checkpoint, String>> {
    let file = folder.join(CHECKPOINT);
    match read(&file) {
        Ok(bytes) => Some(Checkpoint::decode(&file, &bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(Err(format!("{} cannot be read: {error}", file.display()))),
    }
}

/// The id of the run with this folder.
pub(super) fn id_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
