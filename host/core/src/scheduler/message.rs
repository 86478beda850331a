//! Messages from the reader, the tasks and the writer to the dispatcher.

use super::in_flight::InFlight;
use super::writer::WriteEnd;
use crate::failure::Failure;
use crate::interrupt::Signal;
use crate::report::StepReport;

/// What the others tell the dispatcher.
pub(super) enum Message {
    /// A portion was read, and there is a task for it.
    Read { bytes_read: Option<u64> },
    /// A portion was read again of which all is written already.
    Skipped { bytes_read: Option<u64> },
    /// A step did something on the reader's thread.
    Worked { step: usize, report: StepReport },
    /// There are no more pieces.
    InputEnded(Result<(), Box<Failure>>),
    /// A task ended.
    Done { batch: u64, result: Result<InFlight, Box<Failure>> },
    /// A batch is written.
    Written(Box<InFlight>),
    /// What was kept can be read.
    Kept,
    /// There is a checkpoint after so many rows, and what it needs stays whatever happens.
    Checkpoint { rows: u64 },
    /// The files are finished, or writing ended early.
    Finished(Result<(), WriteEnd>),
    /// The writer's thread ends.
    WriterGone,
    /// The caller asks to stop.
    Interrupted(Signal),
}
