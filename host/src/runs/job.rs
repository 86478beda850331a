//! What runs have to take turns for: a pipeline file with the files that it writes.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Runs;
use super::error::RunsError;

pub(super) const LOCK: &str = "lock";
/// Bytes of a lock that are read at most: what is in it is written by runs only, and they write a path for each output.
const LOCK_BYTES: u64 = 1 << 20;
/// How often a lock is tried: whoever lists runs holds it for a moment.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// The folder of a pipeline's runs, which this process alone may change.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) directory: PathBuf,
    pub(super) lock: Arc<File>,
    /// What the run before this one said that it would write.
    pub(super) announced: Option<Announced>,
}

/// What a run that has the lock writes into it before it opens its outputs, so that they are not forgotten whenever it is
/// killed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Announced {
    /// The run's id.
    pub(super) run: String,
    /// The files beside its outputs.
    pub(super) parts: Vec<String>,
}

impl Runs {
    /// The folder for the runs of a pipeline file that write these files. The same file with other outputs, as
    /// `--output` makes of it, is something else: the two are not in each other's way.
    pub(super) fn directory_of(&self, name: &str, pipeline: &Path, outputs: &[PathBuf]) -> PathBuf {
        let mut digest = Sha256::new();
        for path in std::iter::once(pipeline).chain(outputs.iter().map(PathBuf::as_path)) {
            let path = real(path);
            digest.update(path.as_os_str().as_encoded_bytes());
            // No path has a NUL in it.
            digest.update([0]);
        }
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
        let name: String = name.chars().take(40).map(plain).collect();
        let digits = digest.finalize().iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        self.directory().join(format!("{name}-{digits}"))
    }
}

/// The path of a file with all links followed, as far as there is one.
pub(crate) fn real(path: &Path) -> PathBuf {
    if let Ok(path) = fs::canonicalize(path) {
        return path;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (absolute.parent().map(fs::canonicalize), absolute.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => absolute,
    }
}

impl Job {
    /// Takes the lock, and writes this process's number into it.
    pub(super) fn take(directory: PathBuf) -> Result<Self, RunsError> {
        let failed = |source| RunsError::io("use the directory", &directory, source);
        let path = directory.join(LOCK);
        for tries in 1.. {
            // Rows may be kept in there.
            DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
            let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let lock = options.map_err(failed)?;
            match lock.try_lock() {
                // Somebody may have removed it in between; then the lock is on nothing.
                Ok(()) if is_at(&lock, &path) => {
                    let announced = announced(&lock);
                    write_lock(&lock, announced.as_ref()).map_err(failed)?;
                    return Ok(Self { directory, lock: Arc::new(lock), announced });
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if tries < TRIES => thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::WouldBlock) => {
                    let text = read_lock(&lock);
                    let pid = text.lines().next().unwrap_or_default();
                    let is_number = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
                    return Err(RunsError::Busy { pid: if is_number { pid.into() } else { "(unknown)".into() } });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        unreachable!("the last try returns")
    }

    /// The folders of its runs, the earliest first.
    pub(super) fn folders(&self) -> io::Result<Vec<PathBuf>> {
        folders_in(&self.directory)
    }
}

/// Writes into a lock which process has it, in the first line, and in the second what its run is going to write.
pub(super) fn write_lock(mut lock: &File, announced: Option<&Announced>) -> io::Result<()> {
    let mut text = format!("{}\n", std::process::id());
    if let Some(announced) = announced {
        text += &serde_json::to_string(announced)?;
        text.push('\n');
    }
    lock.rewind()?;
    // In one piece, because somebody may be reading the number.
    lock.write_all(text.as_bytes())?;
    lock.set_len(text.len() as u64)
}

/// What is in a lock. Anything may be, as far as this knows.
fn read_lock(mut lock: &File) -> String {
    let mut bytes = Vec::new();
    let _ = lock.rewind().and_then(|()| lock.take(LOCK_BYTES).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What the last run that had a lock said that it would write.
pub(super) fn announced(lock: &File) -> Option<Announced> {
    serde_json::from_str(read_lock(lock).lines().nth(1)?).ok()
}

/// Whether a process runs this pipeline now.
pub(super) fn is_taken(directory: &Path) -> bool {
    let lock = File::open(directory.join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The folders in a folder, by name. Ids begin with the time, so runs are in their order.
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

fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}
