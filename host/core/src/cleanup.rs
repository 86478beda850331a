//! Temporary files and child processes to clean up if the process exits early.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use crate::os::{kill_group, start_group};

/// How often the removal of a folder is attempted, and the time between two attempts.
const REMOVALS: u32 = 25;
const REMOVAL_INTERVAL: Duration = Duration::from_millis(1);

/// The temporary files and folders of runs and builds, and the programs that builds wait for. Runs and builds clean up
/// by themselves; a caller that ends the process without waiting for them calls [`remove`](Self::remove) first. Clones
/// are the same registry. The default is empty.
#[derive(Debug, Clone, Default)]
pub struct CleanupRegistry {
    list: Arc<Mutex<List>>,
}

#[derive(Debug, Default)]
struct List {
    paths: BTreeSet<PathBuf>,
    /// Process groups.
    groups: BTreeSet<u32>,
    /// Whether new entries are removed at once.
    closed: bool,
}

impl CleanupRegistry {
    /// Creates an empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Kills the programs and removes the files that are registered, and all that are registered from now on. Files
    /// that were renamed to their final paths are not touched.
    pub fn remove(&self) {
        let mut list = self.list.lock();
        list.closed = true;
        // Programs first, so that they create no new files.
        for group in std::mem::take(&mut list.groups) {
            kill_group(group);
        }
        for path in std::mem::take(&mut list.paths) {
            remove(&path);
        }
    }

    /// Registers a file or folder for as long as the returned entry lives.
    pub(crate) fn add(&self, path: &Path) -> Entry {
        let mut list = self.list.lock();
        if list.closed {
            remove(path);
        } else {
            list.paths.insert(path.to_owned());
        }
        Entry { cleanup: self.clone(), of: Of::Path(path.to_owned()) }
    }

    /// Starts a program in a process group of its own, which is registered for as long as the returned entry lives. The
    /// lock is held meanwhile, so that `remove` cannot run between the program's start and its registration.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(crate) fn start(&self, command: &mut Command) -> io::Result<(Child, Entry)> {
        let mut list = self.list.lock();
        let child = start_group(command)?;
        let group = child.id();
        if list.closed {
            kill_group(group);
        } else {
            list.groups.insert(group);
        }
        Ok((child, Entry { cleanup: self.clone(), of: Of::Group(group) }))
    }
}

/// An entry of the registry. It is unregistered when it is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Entry {
    cleanup: CleanupRegistry,
    of: Of,
}

#[derive(Debug)]
enum Of {
    Path(PathBuf),
    Group(u32),
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut list = self.cleanup.list.lock();
        self.of.leave(&mut list);
    }
}

impl Of {
    /// Takes the entry out of the registry.
    fn leave(&self, list: &mut List) {
        match self {
            Self::Path(path) => list.paths.remove(path),
            Self::Group(group) => list.groups.remove(group),
        };
    }

    /// Removes the file, or kills the program.
    fn end(&self) {
        match self {
            Self::Path(path) => remove(path),
            Self::Group(group) => kill_group(*group),
        }
    }
}

/// The entries of one run. They are either removed, or retained because the run can be resumed; that is decided once.
/// Clones are the same entries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    fate: Arc<Mutex<OutputState>>,
}

#[derive(Debug)]
enum OutputState {
    Open(Vec<Entry>),
    Removed,
    Kept,
    Placed,
}

impl Default for OutputState {
    fn default() -> Self {
        Self::Open(Vec::new())
    }
}

impl Entries {
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        Self { fate: Arc::new(Mutex::new(OutputState::Open(entries))) }
    }

    /// Retains the files. Returns false if they have been removed.
    pub(crate) fn keep(&self) -> bool {
        let mut fate = self.fate.lock();
        if let OutputState::Open(entries) = &mut *fate {
            let gone = entries.iter().any(Entry::is_removed);
            *fate = if gone { OutputState::Removed } else { OutputState::Kept };
        }
        matches!(*fate, OutputState::Kept)
    }

    /// Starts to rename the files to their final paths. Returns false if they have been removed.
    pub(crate) fn place(&self) -> bool {
        self.keep();
        let mut fate = self.fate.lock();
        if matches!(*fate, OutputState::Kept) {
            *fate = OutputState::Placed;
        }
        matches!(*fate, OutputState::Placed)
    }

    /// Returns whether the files are renamed or being renamed.
    pub(crate) fn are_placed(&self) -> bool {
        matches!(*self.fate.lock(), OutputState::Placed)
    }

    /// Removes the files, unless they are retained. Returns true if they are gone.
    pub(crate) fn remove(&self) -> bool {
        let mut fate = self.fate.lock();
        if let OutputState::Open(entries) = &*fate {
            for entry in entries {
                entry.of.end();
            }
            *fate = OutputState::Removed;
        }
        matches!(*fate, OutputState::Removed)
    }
}

impl Entry {
    /// Unregisters the entry. Returns true if the registry has removed its files already.
    fn is_removed(&self) -> bool {
        let mut list = self.cleanup.list.lock();
        self.of.leave(&mut list);
        list.closed
    }
}

/// Removes a file, or a folder with its contents. One that does not exist is no error.
fn remove(path: &Path) {
    if fs::remove_file(path).is_ok() {
        return;
    }
    // A program that was killed may create one more file until it is gone.
    for _ in 0..REMOVALS {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => thread::sleep(REMOVAL_INTERVAL),
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Stdio;

    use super::*;

    /// A program that waits for input that never comes.
    fn waiting(cleanup: &CleanupRegistry) -> (Child, Entry) {
        cleanup.start(Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null())).expect("there is cat")
    }

    #[test]
    fn programs_are_ended_and_folders_removed() {
        let folder = tempfile::tempdir().expect("there is room");
        let made = folder.path().join("made");
        fs::create_dir(&made).expect("there is room");
        let cleanup = CleanupRegistry::new();
        let _made = cleanup.add(&made);
        let ((mut running, _entry), (mut other, entry)) = (waiting(&cleanup), waiting(&cleanup));
        drop(entry);
        cleanup.remove();
        assert_eq!(running.wait().expect("it was started").signal(), Some(9));
        assert!(!made.exists());
        // An unregistered program continues, and one that is started later does not.
        assert_eq!(other.try_wait().expect("it was started"), None);
        let (mut late, _entry) = waiting(&cleanup);
        assert_eq!(late.wait().expect("it was started").signal(), Some(9));
        kill_group(other.id());
        assert_eq!(other.wait().expect("it was started").signal(), Some(9));
    }
}
