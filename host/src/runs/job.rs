//! What runs have to take turns for: a pipeline file with the files that it writes.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::Runs;
use super::error::RunsError;

pub(super) const LOCK: &str = "lock";
/// How often a lock is tried: whoever lists runs holds it for a moment.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// The folder of a pipeline's runs, which this process alone may change.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) directory: PathBuf,
    pub(super) lock: Arc<File>,
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
            let mut lock = options.map_err(failed)?;
            match lock.try_lock() {
                // Somebody may have removed it in between; then the lock is on nothing.
                Ok(()) if is_at(&lock, &path) => {
                    let pid = std::process::id().to_string();
                    lock.write_all(pid.as_bytes()).and_then(|()| lock.set_len(pid.len() as u64)).map_err(failed)?;
                    return Ok(Self { directory, lock: Arc::new(lock) });
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if tries < TRIES => thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::WouldBlock) => {
                    let mut pid = String::new();
                    let _ = lock.take(20).read_to_string(&mut pid);
                    let is_number = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
                    return Err(RunsError::Busy { pid: if is_number { pid } else { "(unknown)".into() } });
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
