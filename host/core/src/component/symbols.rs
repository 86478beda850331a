//! From places in a component's code to places in its source.
//!
//! Nothing is read before the first failure that is told; then the debug sections are read once, and what was found
//! is kept, so that ten thousand failures at the same place cost one search. All of it is the guest's word: a section
//! may be huge, broken, or made to keep its reader busy. A search therefore has a number of steps that it may take, a
//! component as well, and without steps left there are names of functions and no lines.

mod budget;
mod entries;
mod lines;
mod sections;
#[cfg(test)]
mod tests;
mod units;

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::failure::Location;
use crate::interrupt::Stop;

use budget::Budget;
use sections::Module;

/// Steps of one search: a quarter of a second or less. Finding the lines of a trap in a Rust step takes some ten
/// thousand.
const STEPS_PER_SEARCH: u64 = 4_000_000;
/// Steps of all searches in one component.
const STEPS: u64 = 100_000_000;
/// Places that are kept. A step that fails at more of them than this has them searched again.
const MAX_CACHED_OFFSETS: usize = 4096;

/// One function of the source at a place in the code. With inlining there are several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SourceFrame {
    /// As the compiler wrote it, mangled.
    pub(crate) function: Option<String>,
    pub(crate) location: Option<Location>,
}

/// The source's places of one component. Lives as long as the component.
pub(crate) struct Symbols {
    path: PathBuf,
    digest: Arc<str>,
    /// In bytes.
    size: u64,
    known: Mutex<SymbolCache>,
}

struct SymbolCache {
    /// None before the first search.
    modules: Option<Vec<Module>>,
    frames: HashMap<u64, Arc<[SourceFrame]>>,
    /// Steps that are left for all searches to come.
    steps: u64,
}

impl Symbols {
    /// Symbols of the component in a file with this digest and size in bytes. Nothing is read yet.
    pub(super) fn new(path: &Path, digest: &Arc<str>, size: u64) -> Self {
        let known = SymbolCache { modules: None, frames: HashMap::new(), steps: STEPS };
        Self { path: path.to_owned(), digest: Arc::clone(digest), size, known: Mutex::new(known) }
    }

    /// For every offset into the component's file the functions of the source that are there, the innermost first; none
    /// where the component does not say. A stop ends the search.
    pub(crate) fn frames(&self, offsets: &[u64], stop: &Stop) -> Vec<Arc<[SourceFrame]>> {
        // Who waits here mostly finds what the one before it was looking for.
        let mut known = self.known.lock();
        let unknown: Vec<u64> = offsets.iter().copied().filter(|offset| !known.frames.contains_key(offset)).collect();
        if !unknown.is_empty() {
            known.search(&unknown, stop, || self.read());
        }
        offsets.iter().map(|offset| known.frames.get(offset).cloned().unwrap_or_default()).collect()
    }

    /// The debug sections, or none if the file is another one by now.
    fn read(&self) -> Vec<Module> {
        let Some(bytes) = self.bytes() else { return Vec::new() };
        let is_same = *self.digest == *super::digest(&Sha256::digest(&bytes));
        if is_same { sections::modules(&bytes) } else { Vec::new() }
    }

    /// What is in the file, if it is still a file of this size. Another one may have come in its place, of any size, or a
    /// pipe that nobody writes to; opening that would already block.
    fn bytes(&self) -> Option<Vec<u8>> {
        let is_known = |file: &fs::Metadata| file.is_file() && file.len() == self.size;
        fs::metadata(&self.path).ok().filter(is_known)?;
        let file = File::open(&self.path).ok()?;
        file.metadata().ok().filter(is_known)?;
        let mut bytes = Vec::new();
        file.take(self.size).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

impl SymbolCache {
    fn search(&mut self, offsets: &[u64], stop: &Stop, read: impl FnOnce() -> Vec<Module>) {
        if self.frames.len() + offsets.len() > MAX_CACHED_OFFSETS {
            self.frames.clear();
        }
        let mut budget = Budget::new(self.steps.min(STEPS_PER_SEARCH), stop);
        let before = budget.left();
        for module in self.modules.get_or_insert_with(read) {
            let inside: Vec<u64> = offsets.iter().copied().filter(|offset| module.code.contains(offset)).collect();
            if inside.is_empty() {
                continue;
            }
            let addresses: Vec<u64> = inside.iter().map(|offset| offset - module.code.start).collect();
            let found = units::find_frames(module, &addresses, &mut budget);
            self.frames.extend(inside.into_iter().zip(found.into_iter().map(Into::into)));
        }
        self.steps -= before - budget.left();
        // What was not found this time will not be found another time; but a search that was stopped says nothing.
        if stop.reason().is_none() {
            for offset in offsets {
                self.frames.entry(*offset).or_default();
            }
        }
    }
}

impl fmt::Debug for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symbols").field("path", &self.path).finish_non_exhaustive()
    }
}
