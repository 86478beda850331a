//! What runs have made and not finished, for whoever ends the process in the middle of one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The files and folders that runs have made aside and will put in their places or remove. A run cleans up behind
/// itself; whoever ends the process without waiting for it calls [`remove`](Self::remove) first. Clones are the same
/// list, and the default is an empty one.
#[derive(Debug, Clone, Default)]
pub struct Unfinished {
    list: Arc<Mutex<List>>,
}

#[derive(Debug, Default)]
struct List {
    paths: BTreeSet<PathBuf>,
    /// Whether nothing new may stay.
    closed: bool,
}

impl Unfinished {
    /// A list with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Removes all that is unfinished, and whatever runs begin from now on. What was put in its place is not touched.
    pub fn remove(&self) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.closed = true;
        for path in std::mem::take(&mut list.paths) {
            remove(&path);
        }
    }

    /// Lists a file or folder for as long as the entry lives.
    pub(crate) fn add(&self, path: &Path) -> Entry {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.closed {
            remove(path);
        } else {
            list.paths.insert(path.to_owned());
        }
        Entry { unfinished: self.clone(), path: path.to_owned() }
    }
}

/// A listed path; dropped, it is not listed any more.
#[derive(Debug)]
#[must_use]
pub(crate) struct Entry {
    unfinished: Unfinished,
    path: PathBuf,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.unfinished.list.lock().unwrap_or_else(PoisonError::into_inner).paths.remove(&self.path);
    }
}

/// Entries of one run, whose fate is decided once: they are removed, or they stay because the run can go on with them.
/// Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    fate: Arc<Mutex<Fate>>,
}

#[derive(Debug)]
enum Fate {
    Open(Vec<Entry>),
    Removed,
    Kept,
}

impl Default for Fate {
    fn default() -> Self {
        Self::Open(Vec::new())
    }
}

impl Entries {
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        Self { fate: Arc::new(Mutex::new(Fate::Open(entries))) }
    }

    /// They are to stay. False if they have been removed.
    pub(crate) fn keep(&self) -> bool {
        let mut fate = self.fate.lock().unwrap_or_else(PoisonError::into_inner);
        if let Fate::Open(entries) = &mut *fate {
            let gone = entries.iter().any(Entry::is_removed);
            *fate = if gone { Fate::Removed } else { Fate::Kept };
        }
        matches!(*fate, Fate::Kept)
    }

    /// They are removed, unless they are to stay. True if they are gone.
    pub(crate) fn remove(&self) -> bool {
        let mut fate = self.fate.lock().unwrap_or_else(PoisonError::into_inner);
        if let Fate::Open(entries) = &*fate {
            for entry in entries {
                remove(&entry.path);
            }
            *fate = Fate::Removed;
        }
        matches!(*fate, Fate::Removed)
    }
}

impl Entry {
    /// Takes it off the list. True if it is not on it any more, because all that was there has been removed.
    fn is_removed(&self) -> bool {
        let mut list = self.unfinished.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.paths.remove(&self.path);
        list.closed
    }
}

/// Removes a file, or a folder with all that is in it. One that is gone already is as it should be.
fn remove(path: &Path) {
    if fs::remove_file(path).is_err() {
        let _ = fs::remove_dir_all(path);
    }
}
