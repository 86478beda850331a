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

/// Removes a file, or a folder with all that is in it. One that is gone already is as it should be.
fn remove(path: &Path) {
    if fs::remove_file(path).is_err() {
        let _ = fs::remove_dir_all(path);
    }
}
