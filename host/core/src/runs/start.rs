//! How a run starts, and how often it saves its state.

use std::time::Duration;

use super::store::RunStore;

/// The default time between two checkpoints of a run.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);

/// Where a run saves its state, how often, and how it starts.
#[derive(Debug, Clone)]
#[non_exhaustive]
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

    /// Sets how the run starts. Default: [`Start::New`].
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Sets the time between two checkpoints. Default: [`CHECKPOINT_EVERY`].
    #[must_use]
    pub fn checkpoint_every(mut self, time: Duration) -> Self {
        self.checkpoint_every = time;
        self
    }
}

/// How a run starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
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
