//! Locks that keep a pipeline from running twice at the same time.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::RunStoreError;
use super::record::RunRecord;
use super::store::RunStore;
use super::stored_path::StoredPath;
use crate::os::FileId;
use crate::private_dir::{check_private, make_private, not_followed};
use crate::sink;

pub(super) const LOCK: &str = "lock";
/// The number of hexadecimal digits in a digest of paths.
const DIGEST_DIGITS: usize = 16;
/// The maximum number of bytes read from a lock file. Runs write one path per output to it.
const MAX_LOCK_BYTES: u64 = 1 << 20;
/// The number of attempts to acquire a lock. `stillbox runs` holds it for a moment.
const MAX_ATTEMPTS: u32 = 5;
const RETRY_DELAY: Duration = Duration::from_millis(5);

/// The folder with the runs of a pipeline, locked by this process.
#[derive(Debug)]
pub(super) struct PipelineLock {
    pub(super) directory: PathBuf,
    pub(super) lock: Arc<File>,
    /// The part files of the previous run.
    pub(super) part_files: Option<PartFiles>,
}

/// The part files of a run. They are written to the lock file before the outputs are opened, so that the next run can remove
/// them if this one is killed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartFiles {
    /// The id of the run.
    pub(super) run: String,
    /// The paths of the part files, next to the outputs.
    pub(super) parts: Vec<StoredPath>,
}

impl PartFiles {
    /// The part files of another run of the same pipeline and outputs, whose names differ only in the run's id.
    pub(super) fn parts_of(&self, run: &str) -> Vec<StoredPath> {
        let (own, other) = (part_ending(&self.run), part_ending(run));
        self.parts.iter().filter_map(|part| part.with_ending(&own, &other)).collect()
    }
}

/// The end of the names of a run's part files.
pub(super) fn part_ending(run: &str) -> String {
    format!(".{run}.part")
}

impl RunStore {
    /// The folder with the runs of a pipeline file that write these outputs. All paths are [canonical](canonical_path). The
    /// same file with other outputs, for example because of `--output`, has another folder, since such runs do not conflict.
    pub(super) fn directory_of(&self, name: &str, pipeline: &Path, outputs: &[PathBuf]) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
        let name: String = name.chars().take(40).map(plain).collect();
        let digits = path_digest(outputs.iter().map(PathBuf::as_path));
        self.directory().join(format!("{name}{}{digits}", pipeline_suffix(pipeline)))
    }

    /// The folders with all runs of a pipeline file, for any outputs.
    pub(super) fn directories_of(&self, pipeline: &Path) -> io::Result<Vec<PathBuf>> {
        let suffix = pipeline_suffix(pipeline);
        let is_of = |directory: &PathBuf| {
            let name = directory.file_name().unwrap_or_default().to_string_lossy();
            name.len()
                .checked_sub(DIGEST_DIGITS)
                .and_then(|end| name.get(..end))
                .is_some_and(|name| name.ends_with(&suffix))
        };
        Ok(folders_in(self.directory())?.into_iter().filter(is_of).collect())
    }
}

/// The part of a folder's name between the name of the pipeline and the digest of the outputs.
fn pipeline_suffix(pipeline: &Path) -> String {
    format!("-{}", path_digest(std::iter::once(pipeline)))
}

/// A digest of [canonical](canonical_path) paths, in hexadecimal digits.
fn path_digest<'a>(paths: impl Iterator<Item = &'a Path>) -> String {
    let mut digest = Sha256::new();
    for path in paths {
        digest.update(path.as_os_str().as_encoded_bytes());
        // Paths contain no NUL, so it separates them unambiguously.
        digest.update([0]);
    }
    digest.finalize().iter().take(DIGEST_DIGITS / 2).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The absolute path of a file with all symbolic links resolved. Works for files that do not exist yet.
pub(crate) fn canonical_path(path: &Path) -> PathBuf {
    if let Ok(path) = dunce::canonicalize(path) {
        return path;
    }
    // A symbolic link may lead to a file that does not exist yet.
    let path = sink::resolve_links(path).unwrap_or_else(|_| path.to_owned());
    let absolute = std::path::absolute(&path).unwrap_or(path);
    match (absolute.parent().map(dunce::canonicalize), absolute.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => absolute,
    }
}

impl PipelineLock {
    /// Acquires the lock of the pipeline, and writes the process id to it. `runs` is the directory with the state of all runs.
    pub(super) fn take(directory: PathBuf, runs: &Path) -> Result<Self, RunStoreError> {
        let unusable = |source| RunStoreError::io("use the directory", &directory, source);
        for private in [runs, &directory] {
            make_private(private)
                .and_then(|()| check_private(private))
                .map_err(|source| RunStoreError::io("use the directory", private, source))?;
        }
        let path = directory.join(LOCK);
        let open = || {
            // `stillbox runs prune` may have removed the directory.
            make_private(&directory)?;
            not_followed().read(true).write(true).create(true).truncate(false).open(&path)
        };
        let lock = acquire(&path, open).map_err(|error| match error {
            AcquireError::Busy(pid) => RunStoreError::Busy { pid },
            AcquireError::Io(source) => unusable(source),
        })?;
        let part_files = read_part_files(&lock);
        write_lock(&lock, part_files.as_ref()).map_err(unusable)?;
        Ok(Self { directory, lock: Arc::new(lock), part_files })
    }

    /// The folders of the runs, the earliest first.
    pub(super) fn folders(&self) -> io::Result<Vec<PathBuf>> {
        folders_in(&self.directory)
    }
}

/// An error of acquiring a lock.
pub(super) enum AcquireError {
    /// Another process holds it: the process id, or "(unknown)".
    Busy(String),
    Io(io::Error),
}

/// Acquires the lock of the file at a path, which `open` opens or creates.
pub(super) fn acquire(path: &Path, open: impl Fn() -> io::Result<File>) -> Result<File, AcquireError> {
    for attempt in 1.. {
        let lock = open().map_err(AcquireError::Io)?;
        match lock.try_lock() {
            // Another process may have removed the file before it was locked. Then the lock has no effect.
            Ok(()) if is_same_file(&lock, path) => return Ok(lock),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if attempt < MAX_ATTEMPTS => thread::sleep(RETRY_DELAY),
            Err(TryLockError::WouldBlock) => {
                let text = read_lock(&lock);
                let pid = text.lines().next().unwrap_or_default();
                let is_number = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
                return Err(AcquireError::Busy(if is_number { pid.into() } else { "(unknown)".into() }));
            }
            Err(TryLockError::Error(error)) => return Err(AcquireError::Io(error)),
        }
    }
    unreachable!("the last try returns")
}

/// Writes a lock file: the process id in the first line, and the part files of its run in the second.
pub(super) fn write_lock(mut lock: &File, part_files: Option<&PartFiles>) -> io::Result<()> {
    let mut text = format!("{}\n", std::process::id());
    if let Some(part_files) = part_files {
        text += &serde_json::to_string(part_files)?;
        text.push('\n');
    }
    lock.rewind()?;
    // In one write, because another process may read the process id at the same time.
    lock.write_all(text.as_bytes())?;
    lock.set_len(text.len() as u64)
}

/// Reads a lock file. The content is not trusted.
fn read_lock(mut lock: &File) -> String {
    let mut bytes = Vec::new();
    let _ = lock.rewind().and_then(|()| lock.take(MAX_LOCK_BYTES).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads the part files of the last run that held a lock.
pub(super) fn read_part_files(lock: &File) -> Option<PartFiles> {
    serde_json::from_str(read_lock(lock).lines().nth(1)?).ok()
}

/// Reads the content of a record and of a lock file, for the fuzz driver.
pub(crate) fn read_record_and_lock(bytes: &[u8]) {
    let _ = serde_json::from_slice::<RunRecord>(bytes);
    if let Ok(part_files) = serde_json::from_slice::<PartFiles>(bytes) {
        part_files.parts_of("1-2");
    }
}

/// Reads the part files from the lock file of a folder, which another process may hold.
pub(super) fn part_files_in(directory: &Path) -> Option<PartFiles> {
    read_part_files(&not_followed().read(true).open(directory.join(LOCK)).ok()?)
}

/// Whether a process holds the lock of this folder.
pub(super) fn is_locked(directory: &Path) -> bool {
    let lock = not_followed().read(true).open(directory.join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The folders in a directory, sorted by name. Ids of runs start with the time, so runs are sorted by time.
pub(super) fn folders_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

pub(super) fn is_same_file(file: &File, path: &Path) -> bool {
    matches!((FileId::of_file(file), FileId::of_link(path)), (Ok(open), Ok(there)) if open == there)
}
