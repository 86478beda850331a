//! Errors of starting, resuming and listing runs.

use std::io;
use std::path::PathBuf;

use crate::units::grouped;

/// An error of the state of runs. If starting a run fails with it, nothing was run, and the state of earlier runs is
/// unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunStoreError {
    /// Another process runs the pipeline.
    #[error("this pipeline is running already, as process {pid}; two runs would write the same files")]
    Busy {
        /// The id of the process, or "(unknown)".
        pid: String,
    },
    /// A run of another pipeline, or of this one with other outputs, writes one of the outputs.
    #[error("{} is being written by process {pid} already", output.display())]
    BusyOutput {
        /// The path of the output.
        output: PathBuf,
        /// The id of the process, or "(unknown)".
        pid: String,
    },
    /// An earlier run can be resumed, and the options neither resume nor restart it.
    #[error(
        "run {run} of this pipeline has not ended: {} rows are done. Add `--resume` to go on, or `--restart` to throw them away and begin anew",
        grouped(*rows)
    )]
    Unfinished {
        /// The id of the run.
        run: String,
        /// The number of rows read up to its last checkpoint.
        rows: u64,
    },
    /// The pipeline has no resumable run with this id.
    #[error("there is no run {run} of this pipeline that could go on; `stillbox runs` lists the runs that there are")]
    NoSuchRun {
        /// The id, as the user wrote it.
        run: String,
    },
    /// The pipeline, or one of its inputs, has changed since the last checkpoint.
    #[error(
        "run {run} cannot go on, because its rest would not fit what is written: {}. Undo this, or add `--restart` to begin anew",
        changes.join("; ")
    )]
    PipelineChanged {
        /// The id of the run.
        run: String,
        /// A description of each change.
        changes: Vec<String>,
    },
    /// The state of the run is corrupt.
    #[error("run {run} cannot go on: {what}; add `--restart` to begin anew")]
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
