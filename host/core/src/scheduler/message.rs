//! Messages to the dispatcher.

use std::sync::mpsc::Sender;

use super::in_flight::InFlight;
use crate::failure::Failure;
use crate::interrupt::CancelReason;
use crate::report::StepReport;

/// A message from the reader, a task, the writer or the interrupt.
pub(super) enum Message {
    /// The reader has read an item and started a task for it.
    TaskStarted { bytes_read: Option<u64> },
    /// The reader has read an item whose output an earlier process has written.
    ItemSkipped { bytes_read: Option<u64> },
    /// A step was called on the reader's thread, with these numbers.
    StepCalled { step: usize, report: StepReport },
    /// The reader has read all items, or failed.
    InputEnded(Result<(), Box<Failure>>),
    /// The task of the item with this number ended.
    TaskEnded(u64, Result<Box<InFlight>, Box<Failure>>),
    /// The writer has written an output.
    Written(Box<InFlight>),
    /// The writer has made the spilled rows of a stage readable.
    StageFlushed,
    /// The writer has tried to save a checkpoint.
    CheckpointTried(CheckpointResult),
    /// The writer has finished the files, or writing ended early. The writer executes no more orders.
    WritingEnded(Result<(), WriteEnd>),
    /// The writer's thread exits and holds no file any more. Its last message.
    WriterExited,
    /// The caller cancelled the run.
    Cancelled(CancelReason),
}

/// Why writing ended early.
#[derive(Debug)]
pub(super) enum WriteEnd {
    /// The reader of the standard output has closed it, or the temporary files were removed.
    Closed,
    /// A file could not be written.
    Failed(Box<Failure>),
}

/// Whether a checkpoint was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CheckpointResult {
    /// It was, and the files that it needs are retained when the run ends.
    Saved,
    /// It was not; the one before, if any, is still valid.
    NotSaved,
}

/// Sends a message. Threads of a run may outlive its dispatcher; their messages are then dropped.
pub(super) fn send(messages: &Sender<Message>, message: Message) {
    let _ = messages.send(message);
}
