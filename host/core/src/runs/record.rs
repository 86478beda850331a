//! What is remembered of a run for lists.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// What a run is, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    /// The run's id.
    pub(crate) run: String,
    /// The pipeline's name.
    pub(crate) name: String,
    /// The pipeline file.
    pub(crate) pipeline: PathBuf,
    /// When it began, in seconds of Unix time.
    pub(crate) started: u64,
    /// When this was written, likewise.
    pub(crate) written: u64,
    pub(crate) state: RunState,
    /// Rows that were read.
    pub(crate) rows: u64,
    /// The process that ran it last.
    pub(crate) pid: u32,
    /// Files beside the outputs that are the run's until it is done.
    pub(crate) parts: Vec<String>,
    /// What it writes.
    pub(crate) outputs: Vec<PathBuf>,
    /// Whether these are the outputs that the pipeline file says.
    pub(crate) has_own_outputs: bool,
    /// Why it has no checkpoints, if that is so.
    pub(crate) unrepeatable: Option<String>,
}

/// What became of a run, as far as it could say so itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RunState {
    /// It has begun. A process that was killed leaves it at that.
    Running,
    Interrupted,
    Failed,
    Done,
}

/// Seconds of Unix time.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

impl RunRecord {
    /// The same, in another state.
    pub(crate) fn ended(self, state: RunState, rows: u64) -> Self {
        Self { state, rows, written: now(), ..self }
    }
}
