//! The state of runs on disk, from which they can be resumed: plain files with checksums, below one directory.
//!
//! ```text
//! RUNS/clean-text-3f2a9c0b51d7e604/     the runs of a pipeline file with certain outputs
//!   lock                                locked during a run; contains the process id and the paths of its part files
//!   6741f2c0-09ab3e/                    a run
//!     record.json                       for `stillbox runs`: pipeline, state, number of rows
//!     checkpoint                        the point from which to resume; absent before the first checkpoint and after the end
//!     0.rows                            rows spilled between two stages
//!     sink-0.groups, sink-0.3.rows      metadata of finished row groups of a Parquet file, and rows of the next row group
//! RUNS/outputs/7e604c0b51d93f2a         locked while a run writes this output
//! ```
//!
//! Outputs are written to part files next to their destinations, with the run's id in their names, because a file can only
//! be renamed within its file system.

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

/// The default time between two checkpoints of a run.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);

/// The directory with the state of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStore {
    directory: PathBuf,
}

impl RunStore {
    /// The runs in a directory. It is created when a run first writes its state.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// Where a run saves its state, how often, and how it starts.
#[derive(Debug, Clone)]
pub struct Checkpointing {
    /// The directory for the state.
    pub runs: RunStore,
    /// How the run starts.
    pub start: Start,
    /// The time after a checkpoint until the next one, if rows were written since; by default [`CHECKPOINT_EVERY`]. A run
    /// that fails or is stopped writes a last checkpoint, unless it has none and took less than a second.
    pub checkpoint_every: Duration,
}

impl Checkpointing {
    /// A new run with the default time between checkpoints.
    pub fn at(runs: RunStore) -> Self {
        Self { runs, start: Start::New, checkpoint_every: CHECKPOINT_EVERY }
    }
}

/// How a run starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Start {
    /// At the beginning. It is an error if an earlier run of the pipeline can be resumed; its state is not changed.
    #[default]
    New,
    /// At the beginning. The state of an earlier run is removed.
    Restart,
    /// At the last checkpoint of the earlier run, or at the beginning if there is none.
    Resume,
    /// At the last checkpoint of the run with this id.
    ResumeRun(String),
}
