//! The record of a run, for `stillbox runs`.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::stored_path::StoredPath;

/// The description and the state of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    /// The id of the run.
    pub(crate) run: String,
    /// The name of the pipeline.
    pub(crate) name: String,
    /// The pipeline file.
    pub(crate) pipeline: StoredPath,
    /// The start of the run, in seconds of Unix time.
    pub(crate) started: u64,
    /// The time of this record, in seconds of Unix time.
    pub(crate) written: u64,
    pub(crate) state: RunState,
    /// The number of rows read.
    pub(crate) rows: u64,
    /// The id of the process that ran it last.
    pub(crate) pid: u32,
    /// The paths of its part files, next to the outputs.
    pub(crate) parts: Vec<StoredPath>,
    /// The paths of its outputs.
    pub(crate) outputs: Vec<StoredPath>,
    /// Whether these are the outputs of the pipeline file, rather than of `--output`.
    pub(crate) has_own_outputs: bool,
    /// The reason why the run has no checkpoints, if there is one.
    pub(crate) unrepeatable: Option<String>,
    /// The failure of the run as one line, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

/// The state of a run, as recorded by its own process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RunState {
    /// The run has started. Stays if the process is killed.
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
    /// The record with another state and number of rows.
    pub(crate) fn ended(self, state: RunState, rows: u64) -> Self {
        Self { state, rows, written: now(), ..self }
    }
}
