//! Bundles: files with a call of a step that failed, and everything that is needed to make it again elsewhere.
//!
//! [`RunOptions::bundles`](crate::RunOptions::bundles) makes a run write them, and [`Bundle::replay`] makes the call again.

mod content;
mod file;
mod head;
mod masked;
mod writer;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::{ConfigLocation, Diagnostic, nearest};
use crate::plan::{Plan, PlannedNode};

pub use content::{MissingRows, select_rows};
pub use file::{Bundle, BundleError};
pub(crate) use writer::{BundleWriter, CallEvidence, FailedCall, places};

/// Bundles of rejected rows that a run writes by default. More of them rarely say anything new.
const DEFAULT_FILES: u32 = 10;

/// The largest bundle by default.
const DEFAULT_BYTES: u64 = 64 << 20;

/// The folder and the bounds of the bundles of a run. Clones share the list of bundles that were written.
#[derive(Debug, Clone)]
pub struct Bundles {
    directory: PathBuf,
    max_files: u32,
    max_bytes: u64,
    columns: Option<Vec<String>>,
    state: Arc<Mutex<BundleState>>,
}

#[derive(Debug, Default)]
struct BundleState {
    written: Vec<PathBuf>,
    problems: Vec<String>,
    /// Bundles of rejected rows so far.
    rejected: u32,
    left_out: u64,
}

impl Bundles {
    /// Writes bundles to a folder, which is created for the first one.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            max_files: DEFAULT_FILES,
            max_bytes: DEFAULT_BYTES,
            columns: None,
            state: Arc::default(),
        }
    }

    /// Sets the number of bundles for rejected rows: the first ones. A failure that ends the run has one in any case. Default 10.
    #[must_use]
    pub fn max_files(mut self, files: u32) -> Self {
        self.max_files = files;
        self
    }

    /// Sets the largest size of a bundle in bytes. The component is left out of one that would be larger; a call whose rows and
    /// responses are larger has none. Default 64 MiB, at most 256 MiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Leaves out columns that are neither named here nor read by the failing step. Default: all columns are included.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.columns = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Returns the folder.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the files that were written so far, sorted.
    pub fn written(&self) -> Vec<PathBuf> {
        let mut written = self.state.lock().written.clone();
        written.sort();
        written
    }

    /// Returns why failures have no bundle, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        self.state.lock().problems.clone()
    }

    /// Returns the number of rejected rows without a bundle because there were enough of them.
    pub fn left_out(&self) -> u64 {
        self.state.lock().left_out
    }

    /// Returns the diagnostic for a column that no step is given.
    pub(crate) fn unknown_column(&self, plan: &Plan) -> Option<Diagnostic> {
        let named = self.columns.as_ref()?;
        let fields =
            |node: &PlannedNode| node.input.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        let known: BTreeSet<String> = plan.nodes.iter().flat_map(fields).collect();
        let unknown = named.iter().find(|column| !known.contains(*column))?;
        let location = ConfigLocation::Argument(format!("--columns {}", named.join(",")).into());
        let diagnostic = Diagnostic::new(location, format!("no step is given a column {unknown:?}"));
        Some(match nearest(unknown, known.iter().map(String::as_str)) {
            Some(meant) => diagnostic.help(format!("did you mean {meant:?}?")),
            None => diagnostic.help(format!("the columns are {}", shortened_list(&known))),
        })
    }

    /// Returns whether a rejected row may still have a bundle.
    fn has_place(&self) -> bool {
        self.state.lock().rejected < self.max_files
    }

    /// Takes the place of a bundle for a rejected row. Returns whether there was one.
    fn reserve(&self) -> bool {
        let mut state = self.state.lock();
        let has_place = state.rejected < self.max_files;
        if has_place {
            state.rejected += 1;
        } else {
            state.left_out += 1;
        }
        has_place
    }
}

/// The columns in a message.
const SHOWN_COLUMNS: usize = 20;

/// Returns the first names, separated by commas.
fn shortened_list(names: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN_COLUMNS).map(String::as_str).collect();
    let more = if names.len() > SHOWN_COLUMNS { ", …" } else { "" };
    shown.join(", ") + more
}
