//! Running the tasks of a run in other processes, also on other machines.
//!
//! The run itself stays in this process: it reads and decodes the sources, restores the order, and writes the outputs, the
//! reject file and the spills. An [`Executor`] carries the rows of each task to a [`Worker`](crate::Worker), which runs the
//! operations of a stage on them, and carries the output back. So rows, order, records and checkpoints are those of a run in
//! one process.

mod stage;
mod wire;

use std::error::Error;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(crate) use stage::RemoteRun;
pub(crate) use wire::{decode_task, encode_output};

/// Runs tasks in other processes. Its methods are called from several threads.
pub trait Executor: Send + Sync {
    /// Starts workers for a run. Returns how many tasks they run at the same time. It may return before they are ready.
    ///
    /// # Errors
    /// There are no workers.
    fn start(&self, job: &Job) -> Result<usize, ExecutorError>;

    /// Passes a task to [`Worker::run`](crate::Worker::run) of a worker, and waits for its answer. A task whose worker is lost is
    /// passed to another one: it has no effects. Asks `is_needed` several times a second while it waits, and returns an
    /// error soon after it answers `false`.
    ///
    /// # Errors
    /// Workers were lost repeatedly while they ran the task, there is no worker left, or the task is not needed any more.
    fn run(&self, task: Vec<u8>, is_needed: &dyn Fn() -> bool) -> Result<Vec<u8>, ExecutorError>;

    /// Ends the workers and the tasks that they run. Called once, also if `start` has failed.
    fn end(&self);
}

/// An error of an [`Executor`].
pub type ExecutorError = Box<dyn Error + Send + Sync>;

/// The data that every worker of a run needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Job {
    /// Passed to [`Worker::new`](crate::Worker::new). Its form depends on the version of this library.
    pub description: Vec<u8>,
    /// The components.
    pub components: Vec<JobComponent>,
}

/// A component of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobComponent {
    /// The digest of the file: `sha256:` and 64 hexadecimal digits.
    pub digest: Arc<str>,
    /// The content of the file.
    pub bytes: Vec<u8>,
}

/// The description of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JobDescription {
    /// The version of this library. A worker of another version may compute other rows.
    pub(crate) version: String,
    /// The run's id.
    pub(crate) run: Arc<str>,
    /// The path of the pipeline file, as the user wrote it.
    pub(crate) file: String,
    /// The text of the pipeline file.
    pub(crate) text: Arc<str>,
    /// As [`Overrides`](crate::Overrides).
    pub(crate) set: Vec<String>,
    pub(crate) limit: Vec<String>,
    pub(crate) output: Option<String>,
    /// The digest of the component of each step, in the order of the file.
    pub(crate) components: Vec<Arc<str>>,
    /// The columns of each source as an Arrow IPC stream without batches. `None` if the source is empty.
    pub(crate) sources: Vec<Option<Vec<u8>>>,
    /// The names of the sinks whose rows the calling program takes.
    pub(crate) batch_sinks: Vec<String>,
    /// Whether the outputs of the run are continued if it is resumed.
    pub(crate) is_resumable: bool,
}

/// The version in job descriptions.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
