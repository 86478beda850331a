//! The scheduler: a reader, tasks on all cores, a writer, and a dispatcher that owns the state of the run.
//!
//! ```text
//!               items               outputs                    orders
//! reader thread ------> thread pool --------> dispatcher ------------------> writer thread
//!                                             (caller's thread) <----------- (files, checkpoints)
//! ```
//!
//! Stages run one after the other. The reader cuts a stage's inputs into items and starts a task for each. A semaphore bounds
//! the number of items between the reader and the files, so memory does not grow with the input. Tasks end in any
//! order; the dispatcher puts their outputs into the order of the input and orders the writer to write them. The
//! dispatcher alone counts rows, decides when a checkpoint is saved, and decides how the run ends. The other threads
//! send it messages.

mod accepted;
mod checkpoints;
mod dispatcher;
mod dropped_file;
mod in_flight;
mod message;
mod reader;
mod reorder_buffer;
mod stages;
#[cfg(test)]
mod tests;
mod totals;
mod writer;
mod writer_handle;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rayon::ThreadPool;

use crate::event::Event;
use crate::failure::Failure;
use crate::interrupt::{CancelReason, Interrupt};
use crate::model_client::ModelClient;
use crate::policy::MaxRejects;
use crate::report::Report;
use crate::runs::ResumePoint;

pub(crate) use accepted::AcceptedRows;
pub(crate) use checkpoints::CheckpointSettings;
pub(crate) use dispatcher::run;
pub(crate) use dropped_file::DroppedFile;
pub(crate) use stages::RunStage;
pub(crate) use writer::{CheckpointFile, Files};

/// The input of [`run`].
pub(crate) struct ScheduledRun<'a> {
    /// In the order in which they run, at least one. Stages that an earlier process has finished are left out.
    pub(crate) stages: Vec<RunStage>,
    pub(crate) files: Files,
    /// `None` if the run cannot be resumed.
    pub(crate) checkpoints: Option<CheckpointSettings>,
    pub(crate) pool: Arc<ThreadPool>,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) on_event: &'a (dyn Fn(&Event<'_>) + Sync),
    /// All steps and sinks by name, with zeros, or with the numbers of the checkpoint that is resumed.
    pub(crate) report: Report,
    /// The models that steps ask.
    pub(crate) models: Vec<Arc<ModelClient>>,
    /// The position of that checkpoint.
    pub(crate) from: ResumePoint,
    /// The run's id, for failures and checkpoints.
    pub(crate) id: Arc<str>,
    /// The rows that `until` counts. `None` if all rows are wanted.
    pub(crate) accepted: Option<AcceptedRows>,
    /// More rejected rows than this end the run.
    pub(crate) max_rejects: Option<MaxRejects>,
    /// Time that tasks have to end by themselves after an interrupt.
    pub(crate) grace: Duration,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum RunOutcome {
    /// All rows are written.
    Done,
    /// The reader of the standard output has closed it, so more output is of no use.
    OutputClosed,
    /// Something failed. The failures are in the order of their batches.
    Failed(Vec<Failure>),
    /// More rows were rejected than `max_rejects` allows.
    TooManyRejects,
    /// Models answer some requests in batches, which are to be submitted.
    Waiting,
    /// The source has ended, and fewer rows were accepted than `until` wants.
    TooFewRows,
    /// The caller cancelled the run. The failures are those of tasks that ended before the stop, in the order of
    /// their batches.
    Interrupted(CancelReason, Vec<Failure>),
}

/// Starts a thread that is never joined: it may be blocked in a read or a write when the run ends.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(work).map(drop)
}
