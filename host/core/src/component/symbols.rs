//! Symbolication: mapping offsets in a component's code to functions and lines of its source.
//!
//! The debug sections are read at the first failure. Results are cached, so ten thousand failures at the same offset cost
//! one search. The sections come from the guest and are not trusted: they may be huge, malformed, or crafted to make a
//! search slow. A search therefore has a limited number of steps, and so have all searches in a component together. When
//! they are used up, failures name functions but no lines.

mod budget;
mod entries;
mod lines;
mod search;
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

use super::snapshot::CodeMoves;
use crate::digest::digest_text;
use crate::interrupt::Stop;

use budget::Budget;
use sections::Module;
pub(crate) use units::SourceFrame;

/// The maximum number of steps of one search, which take at most a quarter of a second. A search for the lines of a trap in
/// a Rust step takes about ten thousand.
const STEPS_PER_SEARCH: u64 = 4_000_000;
/// The maximum number of steps of all searches in one component.
const STEPS: u64 = 100_000_000;
/// The maximum number of cached offsets. When it is reached, the cache is cleared.
const MAX_CACHED_OFFSETS: usize = 4096;

/// The symbols of one component. Lives as long as the component.
pub(crate) struct Symbols {
    path: PathBuf,
    digest: Arc<str>,
    /// The size of the file in bytes.
    size: u64,
    /// From the offsets that are asked for to those in the file.
    moves: CodeMoves,
    known: Arc<Mutex<SymbolCache>>,
}

struct SymbolCache {
    /// `None` before the first search.
    modules: Option<Vec<Module>>,
    frames: HashMap<u64, Arc<[SourceFrame]>>,
    /// The number of steps left for further searches.
    steps: u64,
}

impl Symbols {
    /// Symbols of the component in a file with this digest and size in bytes. The file is not read yet.
    pub(super) fn new(path: &Path, digest: &Arc<str>, size: u64) -> Self {
        let known = SymbolCache { modules: None, frames: HashMap::new(), steps: STEPS };
        let (path, digest, known) = (path.to_owned(), Arc::clone(digest), Arc::new(Mutex::new(known)));
        Self { path, digest, size, moves: CodeMoves::default(), known }
    }

    /// Returns the symbols for offsets into a changed copy of the file. Results are cached for both.
    pub(super) fn moved(&self, moves: CodeMoves) -> Self {
        let (path, digest, known) = (self.path.clone(), Arc::clone(&self.digest), Arc::clone(&self.known));
        Self { path, digest, size: self.size, moves, known }
    }

    /// Returns the functions of the source at each offset into the component's file, the innermost first. Empty for offsets
    /// without debug information. A stop ends the search.
    pub(crate) fn frames(&self, offsets: &[u64], stop: &Stop) -> Vec<Arc<[SourceFrame]>> {
        let offsets: Vec<u64> = offsets.iter().map(|offset| self.moves.original(*offset)).collect();
        // The lock is held during the search, because concurrent failures usually have the same offsets.
        let mut known = self.known.lock();
        let unknown: Vec<u64> = offsets.iter().copied().filter(|offset| !known.frames.contains_key(offset)).collect();
        if !unknown.is_empty() {
            known.search(&unknown, stop, || self.read());
        }
        offsets.iter().map(|offset| known.frames.get(offset).cloned().unwrap_or_default()).collect()
    }

    /// Reads the debug sections. Returns an empty list if the file has changed.
    fn read(&self) -> Vec<Module> {
        let Some(bytes) = self.bytes() else { return Vec::new() };
        let is_same = *self.digest == *digest_text(&Sha256::digest(&bytes));
        if is_same { sections::modules(&bytes) } else { Vec::new() }
    }

    /// Reads the file if it is still a regular file of the same size. It may have been replaced, for example by a pipe, which
    /// would block when opened.
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

/// Returns the functions of the source at offsets into a component, for the fuzz driver.
pub(crate) fn frames_in(component: &[u8], offsets: &[u64]) -> Vec<Arc<[SourceFrame]>> {
    let mut symbols = SymbolCache { modules: None, frames: HashMap::new(), steps: STEPS };
    symbols.search(offsets, &Stop::default(), || sections::modules(component));
    symbols.frames.into_values().collect()
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
        // Offsets without a result are cached as such, unless a stop ended the search.
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
