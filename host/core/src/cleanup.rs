//! What runs and builds have made or started and not finished, for whoever ends the process in the middle of one.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;

use parking_lot::Mutex;

/// The files and folders that runs and builds have made aside and will put in their places or remove, and the programs
/// that builds wait for. Both clean up behind themselves; whoever ends the process without waiting for them calls
/// [`remove`](Self::remove) first. Clones are the same list, and the default is an empty one.
#[derive(Debug, Clone, Default)]
pub struct CleanupRegistry {
    list: Arc<Mutex<List>>,
}

#[derive(Debug, Default)]
struct List {
    paths: BTreeSet<PathBuf>,
    /// Groups of processes.
    groups: BTreeSet<u32>,
    /// Whether nothing new may stay.
    closed: bool,
}

impl CleanupRegistry {
    /// A list with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the programs that are running and removes all that is unfinished, and whatever is begun from now on. What was
    /// put in its place is not touched.
    pub fn remove(&self) {
        let mut list = self.list.lock();
        list.closed = true;
        // First, so that they make nothing new.
        for group in std::mem::take(&mut list.groups) {
            kill(group);
        }
        for path in std::mem::take(&mut list.paths) {
            remove(&path);
        }
    }

    /// Lists a file or folder for as long as the entry lives.
    pub(crate) fn add(&self, path: &Path) -> Entry {
        let mut list = self.list.lock();
        if list.closed {
            remove(path);
        } else {
            list.paths.insert(path.to_owned());
        }
        Entry { cleanup: self.clone(), of: Of::Path(path.to_owned()) }
    }

    /// Starts a program, in a process group of its own, which is listed for as long as the entry lives. The list is held
    /// meanwhile, so that nobody ends this process between the program's start and its entry.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(crate) fn start(&self, command: &mut Command) -> io::Result<(Child, Entry)> {
        let mut list = self.list.lock();
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let child = command.spawn()?;
        let group = child.id();
        if list.closed {
            kill(group);
        } else {
            list.groups.insert(group);
        }
        Ok((child, Entry { cleanup: self.clone(), of: Of::Group(group) }))
    }
}

/// Something that is listed; dropped, it is not listed any more.
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
    /// Takes it off the list.
    fn leave(&self, list: &mut List) {
        match self {
            Self::Path(path) => list.paths.remove(path),
            Self::Group(group) => list.groups.remove(group),
        };
    }

    /// Removes or ends it.
    fn end(&self) {
        match self {
            Self::Path(path) => remove(path),
            Self::Group(group) => kill(*group),
        }
    }
}

/// Entries of one run, whose fate is decided once: they are removed, or they stay because the run can go on with them.
/// Clones are the same.
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

    /// They are to stay. False if they have been removed.
    pub(crate) fn keep(&self) -> bool {
        let mut fate = self.fate.lock();
        if let OutputState::Open(entries) = &mut *fate {
            let gone = entries.iter().any(Entry::is_removed);
            *fate = if gone { OutputState::Removed } else { OutputState::Kept };
        }
        matches!(*fate, OutputState::Kept)
    }

    /// They are put in their places now. False if they have been removed.
    pub(crate) fn place(&self) -> bool {
        self.keep();
        let mut fate = self.fate.lock();
        if matches!(*fate, OutputState::Kept) {
            *fate = OutputState::Placed;
        }
        matches!(*fate, OutputState::Placed)
    }

    /// Whether they are in their places, or on the way there.
    pub(crate) fn are_placed(&self) -> bool {
        matches!(*self.fate.lock(), OutputState::Placed)
    }

    /// They are removed, unless they are to stay. True if they are gone.
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
    /// Takes it off the list. True if it is not on it any more, because all that was there has been removed.
    fn is_removed(&self) -> bool {
        let mut list = self.cleanup.list.lock();
        self.of.leave(&mut list);
        list.closed
    }
}

/// Removes a file, or a folder with all that is in it. One that is gone already is as it should be.
fn remove(path: &Path) {
    if fs::remove_file(path).is_err() {
        let _ = fs::remove_dir_all(path);
    }
}

/// Kills a group of processes. One that is gone already is as it should be.
pub(crate) fn kill(group: u32) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(group).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = group;
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Stdio;

    use super::*;

    /// A program that waits for input that does not come.
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
        // What is not listed any more goes on, and what comes later does not.
        assert_eq!(other.try_wait().expect("it was started"), None);
        let (mut late, _entry) = waiting(&cleanup);
        assert_eq!(late.wait().expect("it was started").signal(), Some(9));
        kill(other.id());
        assert_eq!(other.wait().expect("it was started").signal(), Some(9));
    }
}
