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

use super::RunStore;
use super::error::RunStoreError;
use crate::sink;

pub(super) const LOCK: &str = "lock";
/// The folder of the locks of outputs.
pub(super) const OUTPUT_LOCKS: &str = "outputs";
/// Digits that stand for paths.
const DIGITS: usize = 16;
/// Bytes of a lock that are read at most: what is in it is written by runs only, and they write a path for each output.
const LOCK_BYTES: u64 = 1 << 20;
/// How often a lock is tried: whoever lists runs holds it for a moment.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// The folder of a pipeline's runs, which this process alone may change.
#[derive(Debug)]
pub(super) struct PipelineLock {
    pub(super) directory: PathBuf,
    pub(super) locks: Arc<HeldLocks>,
    /// What the run before this one said that it would write.
    pub(super) part_files: Option<PartFiles>,
}

/// What a run holds as long as it may change anything. Closed at its end, and open in no other process.
#[derive(Debug)]
pub(super) struct HeldLocks {
    /// Of the pipeline with these outputs.
    pub(super) job: File,
    /// Of each output, because another pipeline may write it as well.
    _outputs: Vec<File>,
}

/// What a run that has the lock writes into it before it opens its outputs, so that they are not forgotten whenever it is
/// killed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartFiles {
    /// The run's id.
    pub(super) run: String,
    /// The files beside its outputs.
    pub(super) parts: Vec<String>,
}

impl PartFiles {
    /// The files beside its outputs that another run of the same job has, since all of them write the same outputs.
    pub(super) fn parts_of(&self, run: &str) -> Vec<String> {
        let stems = self.parts.iter().filter_map(|part| part.strip_suffix(&part_ending(&self.run)));
        stems.map(|stem| format!("{stem}{}", part_ending(run))).collect()
    }
}

/// What the names of the files beside the outputs of a run end with.
pub(super) fn part_ending(run: &str) -> String {
    format!(".{run}.part")
}

impl RunStore {
    /// The folder for the runs of a pipeline file that write these files; their [`canonical_path`] paths. The same file with other
    /// outputs, as `--output` makes of it, is something else: the two are not in each other's way.
    pub(super) fn directory_of(&self, name: &str, pipeline: &Path, outputs: &[PathBuf]) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
        let name: String = name.chars().take(40).map(plain).collect();
        let digits = digits(outputs.iter().map(PathBuf::as_path));
        self.directory().join(format!("{name}{}{digits}", mark(pipeline)))
    }

    /// The folders for all runs of a pipeline file, whatever they write.
    pub(super) fn directories_of(&self, pipeline: &Path) -> io::Result<Vec<PathBuf>> {
        let mark = mark(pipeline);
        let is_of = |directory: &PathBuf| {
            let name = directory.file_name().unwrap_or_default().to_string_lossy();
            name.len().checked_sub(DIGITS).and_then(|end| name.get(..end)).is_some_and(|name| name.ends_with(&mark))
        };
        Ok(folders_in(self.directory())?.into_iter().filter(is_of).collect())
    }
}

/// What the names of folders have in front of the digits of the outputs.
fn mark(pipeline: &Path) -> String {
    format!("-{}", digits(std::iter::once(pipeline)))
}

/// Hexadecimal digits that only these files have, by their [`canonical_path`] paths.
fn digits<'a>(paths: impl Iterator<Item = &'a Path>) -> String {
    let mut digest = Sha256::new();
    for path in paths {
        digest.update(path.as_os_str().as_encoded_bytes());
        // No path has a NUL in it.
        digest.update([0]);
    }
    digest.finalize().iter().take(DIGITS / 2).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The path of a file with all links followed, as far as there is one.
pub(crate) fn canonical_path(path: &Path) -> PathBuf {
    if let Ok(path) = fs::canonicalize(path) {
        return path;
    }
    // A link may lead to what is not there yet.
    let path = sink::resolve_links(path).unwrap_or_else(|_| path.to_owned());
    let absolute = std::path::absolute(&path).unwrap_or(path);
    match (absolute.parent().map(fs::canonicalize), absolute.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => absolute,
    }
}

impl PipelineLock {
    /// Takes the lock, and those of all outputs, and writes this process's number into them.
    pub(super) fn take(directory: PathBuf, runs: &Path, outputs: &[PathBuf]) -> Result<Self, RunStoreError> {
        let job =
            take(&directory.join(LOCK)).map_err(|error| error.into_run_store_error("use the directory", &directory))?;
        let part_files = read_part_files(&job);
        write_lock(&job, part_files.as_ref())
            .map_err(|source| RunStoreError::io("use the directory", &directory, source))?;
        // In the same order for all, so that no two wait for each other.
        // What is no regular file, such as a device, takes what several runs write.
        let is_regular = |path: &&PathBuf| fs::metadata(path).map_or(true, |there| there.is_file());
        let mut outputs: Vec<_> = outputs.iter().filter(is_regular).collect();
        outputs.sort();
        outputs.dedup();
        let mut held = Vec::with_capacity(outputs.len());
        for output in outputs {
            let path = runs.join(OUTPUT_LOCKS).join(digits(std::iter::once(output.as_path())));
            let lock = take(&path).map_err(|error| match error.into_run_store_error("use the file", &path) {
                RunStoreError::Busy { pid } => RunStoreError::BusyOutput { output: output.clone(), pid },
                error => error,
            })?;
            write_lock(&lock, None).map_err(|source| RunStoreError::io("use the file", &path, source))?;
            held.push(lock);
        }
        Ok(Self { directory, locks: Arc::new(HeldLocks { job, _outputs: held }), part_files })
    }

    /// The folders of its runs, the earliest first.
    pub(super) fn folders(&self) -> io::Result<Vec<PathBuf>> {
        folders_in(&self.directory)
    }
}

/// Why a lock is not taken.
enum LockError {
    /// Somebody has it: the process, as far as it has said so.
    Busy(String),
    Io(io::Error),
}

impl LockError {
    fn into_run_store_error(self, action: &'static str, path: &Path) -> RunStoreError {
        match self {
            Self::Busy(pid) => RunStoreError::Busy { pid },
            Self::Io(source) => RunStoreError::io(action, path, source),
        }
    }
}

/// Takes a lock, and makes it before if need be.
fn take(path: &Path) -> Result<File, LockError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    for tries in 1.. {
        // Rows may be kept beside it.
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(LockError::Io)?;
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let lock = options.map_err(LockError::Io)?;
        match lock.try_lock() {
            // Somebody may have removed it in between; then the lock is on nothing.
            Ok(()) if is_same_file(&lock, path) => return Ok(lock),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if tries < TRIES => thread::sleep(BETWEEN_TRIES),
            Err(TryLockError::WouldBlock) => {
                let text = read_lock(&lock);
                let pid = text.lines().next().unwrap_or_default();
                let is_number = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
                return Err(LockError::Busy(if is_number { pid.into() } else { "(unknown)".into() }));
            }
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
    }
    unreachable!("the last try returns")
}

/// Writes into a lock which process has it, in the first line, and in the second what its run is going to write.
pub(super) fn write_lock(mut lock: &File, part_files: Option<&PartFiles>) -> io::Result<()> {
    let mut text = format!("{}\n", std::process::id());
    if let Some(part_files) = part_files {
        text += &serde_json::to_string(part_files)?;
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
pub(super) fn read_part_files(lock: &File) -> Option<PartFiles> {
    serde_json::from_str(read_lock(lock).lines().nth(1)?).ok()
}

/// The same of a job that another process may have.
pub(super) fn part_files_in(directory: &Path) -> Option<PartFiles> {
    read_part_files(&File::open(directory.join(LOCK)).ok()?)
}

/// Whether a process runs this pipeline now.
pub(super) fn is_locked(directory: &Path) -> bool {
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

pub(super) fn is_same_file(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_writer_and_a_device_many() {
        let folder = tempfile::tempdir().expect("there is room");
        let runs = folder.path().join("runs");
        let take = |job: &str, output: &Path| PipelineLock::take(runs.join(job), &runs, &[canonical_path(output)]);
        let device = Path::new("/dev/null");
        let _first = take("a", device).expect("nobody has it");
        let _second = take("b", device).expect("it takes what both write");
        let file = folder.path().join("out");
        let held = take("c", &file).expect("nobody has it");
        let busy = take("d", &file).expect_err("it is held");
        assert!(
            matches!(&busy, RunStoreError::BusyOutput { output, .. } if *output == canonical_path(&file)),
            "{busy}"
        );
        drop(held);
        take("d", &file).expect("nobody has it any more");
    }
}
