//! What runs leave on disk, so that they can go on: plain files with checksums, below one directory.
//!
//! ```text
//! RUNS/clean-text-3f2a9c0b51d7e604/     a pipeline file with the files that it writes
//!   lock                                held while it runs; says which process does, and what it is going to write
//!   6741f2c0-09ab3e/                    a run
//!     record.json                       for lists: what it is, what became of it, how many rows
//!     checkpoint.json                   where it can go on; none before the first checkpoint, and after its end
//!     0.rows                            rows that are kept between two stages
//!     sink-0.groups, sink-0.3.rows      what a Parquet file's end will say, and rows of its next row group
//! RUNS/outputs/7e604c0b51d93f2a         held while somebody writes this output
//! ```
//!
//! The outputs themselves are written beside their places, under names that have the run's id in them, because a file
//! can only be renamed within its file system.

mod begin;
mod checkpoint;
mod error;
mod fingerprint;
mod folder;
mod list;
mod lock;
mod prune;
mod record;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use begin::{Outputs, RunHandle, begin};
pub(crate) use checkpoint::{Checkpoint, FinishedOutput, ResumePoint};
pub use error::RunStoreError;
pub(crate) use fingerprint::{Fingerprint, fingerprint};
pub(crate) use folder::RunFolder;
pub use list::{RunInfo, RunStatus};
pub(crate) use lock::canonical_path;
pub use prune::PruneSummary;
pub(crate) use record::{RunRecord, RunState};

/// How often a run makes sure that it can go on from where it is, unless it is asked to do otherwise.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);

/// The directory in which runs keep their state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStore {
    directory: PathBuf,
}

impl RunStore {
    /// The runs of a directory, which is made when a run has something to keep.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// That a run keeps its state, where, and how it begins.
#[derive(Debug, Clone)]
pub struct Checkpointing {
    /// Where.
    pub runs: RunStore,
    /// How it begins.
    pub start: Start,
    /// How long after a checkpoint the next one is made, if something was written since; see [`CHECKPOINT_EVERY`]. A
    /// run that fails or is stopped makes one more, unless it has none and took less than a second.
    pub checkpoint_every: Duration,
}

impl Checkpointing {
    /// A run that begins anew, with the usual time between checkpoints.
    pub fn at(runs: RunStore) -> Self {
        Self { runs, start: Start::New, checkpoint_every: CHECKPOINT_EVERY }
    }
}

/// How a run begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Start {
    /// At the beginning, unless an earlier run of the pipeline could go on: that is an error, and nothing is lost.
    #[default]
    New,
    /// At the beginning. What is kept of an earlier run is removed.
    Restart,
    /// Where the earlier run could go on; at the beginning if there is none.
    Resume,
    /// Where the run with this id could go on.
    ResumeRun(String),
}
