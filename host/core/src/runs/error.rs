//! Errors of starting, resuming and listing runs.

use std::io;
use std::path::PathBuf;

use crate::units::counted;

/// An error of the state of runs. If starting a run fails with it, nothing was run, and the state of earlier runs is
/// unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunStoreError {
    /// Another process runs the pipeline.
    #[error("this pipeline is already running as process {pid}; a second run would write the same files")]
    Busy {
        /// The id of the process, or "(unknown)".
        pid: String,
    },
    /// A run of another pipeline, or of this one with other outputs, writes one of the outputs.
    #[error("{} is already being written by process {pid}", output.display())]
    BusyOutput {
        /// The path of the output.
        output: PathBuf,
        /// The id of the process, or "(unknown)".
        pid: String,
    },
    /// An earlier run can be resumed, and the options neither resume nor restart it.
    #[error(
        "run {run} of this pipeline is unfinished; {} done. Add `--resume` to resume it, or `--restart` to discard it and start again",
        counted(*rows, "row is", "rows are")
    )]
    Unfinished {
        /// The id of the run.
        run: String,
        /// The number of rows read up to its last checkpoint.
        rows: u64,
    },
    /// The pipeline has no resumable run with this id.
    #[error("this pipeline has no unfinished run {run}; `stillbox runs` lists all runs")]
    NoSuchRun {
        /// The id, as the user wrote it.
        run: String,
    },
    /// The pipeline, or one of its inputs, has changed since the last checkpoint.
    #[error(
        "cannot resume run {run}: the pipeline has changed since its last checkpoint: {}. Undo the change, or add `--restart` to start again",
        changes.join("; ")
    )]
    PipelineChanged {
        /// The id of the run.
        run: String,
        /// A description of each change.
        changes: Vec<String>,
    },
    /// The state of the run is corrupt.
    #[error("cannot resume run {run}: {what}; add `--restart` to start again")]
    Corrupt {
        /// The id of the run.
        run: String,
        /// The problem, and the file that has it.
        what: String,
    },
    /// The directory with the state of runs cannot be used.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The operation that failed, as a verb.
        action: &'static str,
        /// The path of the operation.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl RunStoreError {
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }
}
