//! The stages of a run and their readers.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::reader::{InputReaders, ReaderContext, StageReader};
use super::spawn;
use crate::interrupt::StopReason;
use crate::runs::ResumePoint;
use crate::stage::Stage;

/// A stage and its inputs.
pub(crate) struct RunStage {
    pub(crate) stage: Arc<Stage>,
    pub(crate) input_readers: InputReaders,
}

/// The stage that runs, and those that follow it. Lives as long as the dispatcher.
pub(super) struct StageSequence {
    current: Arc<Stage>,
    /// Not started yet.
    later: VecDeque<RunStage>,
    readers: ReaderContext,
}

impl StageSequence {
    /// Starts no stage yet. There is at least one.
    pub(super) fn new(stages: Vec<RunStage>, readers: ReaderContext) -> Self {
        let later: VecDeque<_> = stages.into();
        let current = Arc::clone(&later.front().expect("every pipeline has a stage").stage);
        Self { current, later, readers }
    }

    /// The stage that runs.
    pub(super) fn current(&self) -> &Arc<Stage> {
        &self.current
    }

    /// Whether no stage follows the one that runs.
    pub(super) fn is_last(&self) -> bool {
        self.later.is_empty()
    }

    /// Starts the next stage's reader, which starts its tasks.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub(super) fn start_next(&mut self, from: ResumePoint) -> io::Result<()> {
        let Some(RunStage { stage, input_readers }) = self.later.pop_front() else { return Ok(()) };
        self.current = Arc::clone(&stage);
        self.set_next(from.next);
        let reader = StageReader { stage, from, context: self.readers.clone() };
        spawn("reader", move || reader.run(input_readers))
    }

    /// Lets the reader start no more tasks.
    pub(super) fn close(&self) {
        self.readers.permits.close();
    }

    /// Notes the number of the first item whose output is not written.
    pub(super) fn set_next(&self, number: u64) {
        self.readers.permits.set_next(number);
    }

    /// Whether so many tasks are more than there can be of the usual size. Then the threads have work for a while.
    pub(super) fn are_many(&self, tasks: usize) -> bool {
        tasks > self.readers.permits.usual_items()
    }

    /// Stops all instances, and lets the reader start no more tasks.
    pub(super) fn stop(&self, reason: StopReason) {
        self.current.stop.stop(reason);
        self.close();
    }

    /// Whether the reader's thread is calling a guest.
    pub(super) fn reader_calls_guest(&self) -> bool {
        self.current.active_guests.load(Ordering::Acquire) > 0
    }
}
