//! Why a run does not begin, or does not go on.

use std::io;
use std::path::PathBuf;

use crate::units::grouped;

/// Why a run that keeps its state does not begin. Nothing was run, and what is kept of earlier runs is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunStoreError {
    /// The pipeline is running.
    #[error("this pipeline is running already, as process {pid}; two runs would write the same files")]
    Busy {
        /// The process, as far as it has said so.
        pid: String,
    },
    /// Another pipeline, or the same with other outputs besides, is writing one of the outputs.
    #[error("{} is being written by process {pid} already", output.display())]
    BusyOutput {
        /// The output.
        output: PathBuf,
        /// The process, as far as it has said so.
        pid: String,
    },
    /// An earlier run could go on, and it was not said what to do with it.
    #[error(
        "run {run} of this pipeline has not ended: {} rows are done. Add `--resume` to go on, or `--restart` to throw them away and begin anew",
        grouped(*rows)
    )]
    Unfinished {
        /// Its id.
        run: String,
        /// The rows that it would not read again.
        rows: u64,
    },
    /// There is no such run of this pipeline.
    #[error("there is no run {run} of this pipeline that could go on; `stillbox runs` lists the runs that there are")]
    NoSuchRun {
        /// Its id, as it was given.
        run: String,
    },
    /// The pipeline, or something that it reads, is not what it was.
    #[error(
        "run {run} cannot go on, because its rest would not fit what is written: {}. Undo this, or add `--restart` to begin anew",
        changes.join("; ")
    )]
    PipelineChanged {
        /// Its id.
        run: String,
        /// What has changed, one change each.
        changes: Vec<String>,
    },
    /// What is kept of a run is damaged.
    #[error("run {run} cannot go on: {what}; add `--restart` to begin anew")]
    Corrupt {
        /// Its id.
        run: String,
        /// What is wrong, and with which file.
        what: String,
    },
    /// The directory of runs cannot be used.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl RunStoreError {
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }
}
