//! The reader's thread: reads a stage's inputs, which may block, and starts a task for every item.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use rayon::ThreadPool;
use tokio::sync::OwnedSemaphorePermit;

use super::in_flight::{InFlight, Permits};
use super::message::{Message, send};
use crate::failure::{Failure, FailureKind};
use crate::monitor::{Span, SpanKind};
use crate::panics::caught;
use crate::runs::ResumePoint;
use crate::stage::{Stage, TaskOutput, WorkItem};
use crate::stage_input::{InputReader, StepReporter};

/// Opens a stage's inputs once everything that they read is there.
pub(crate) type InputReaders = Box<dyn FnOnce() -> Result<Vec<Box<dyn InputReader>>, Box<Failure>> + Send>;

/// The part of a reader that all stages of a run share.
#[derive(Clone)]
pub(super) struct ReaderContext {
    pub(super) pool: Arc<ThreadPool>,
    /// Closed when no more items are to be read.
    pub(super) permits: Arc<Permits>,
    pub(super) messages: Sender<Message>,
    pub(super) checksums: Checksums,
}

/// Whether checksums of the items are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksums {
    /// For checkpoints, which contain them.
    Computed,
    /// The run saves no checkpoints.
    Unused,
}

/// Reads one stage.
pub(super) struct StageReader {
    pub(super) stage: Arc<Stage>,
    /// The position that is resumed. Items before it are read again and skipped.
    pub(super) from: ResumePoint,
    pub(super) context: ReaderContext,
}

/// The part of a stage's inputs that was read.
#[derive(Debug, Clone, Copy, Default)]
struct Cursor {
    /// The number of the next item.
    batch: u64,
    /// The checksum of all items before it.
    checksum: u32,
    /// Bytes of the input files before it.
    bytes: u64,
}

impl StageReader {
    /// Reads to the end, or until the semaphore is closed.
    pub(super) fn run(self, inputs: InputReaders) {
        let end = caught(|| self.read(inputs));
        let end = end.unwrap_or_else(|panic| Err(Box::new(Failure::from_panic(&*panic))));
        self.send(Message::InputEnded(end));
    }

    fn read(&self, inputs: InputReaders) -> Result<(), Box<Failure>> {
        let mut cursor = Cursor::default();
        for (input, mut reader) in inputs()?.into_iter().enumerate() {
            self.read_input(input, &mut *reader, &mut cursor)?;
        }
        // An input that is shorter than before has changed. If there is no permit, the input was not read to its end.
        if cursor.batch < self.from.next && self.acquire().is_some() {
            return Err(Box::new(changed()));
        }
        Ok(())
    }

    fn read_input(&self, input: usize, reader: &mut dyn InputReader, cursor: &mut Cursor) -> Result<(), Box<Failure>> {
        let bytes_before = cursor.bytes;
        let report: StepReporter<'_> = &mut |step, report| {
            self.send(Message::StepCalled { step, report });
            !self.context.permits.are_closed()
        };
        while let Some(permit) = self.acquire() {
            let span = self.stage.monitor().begin(Span::new(SpanKind::Read, "read").batch(cursor.batch));
            let item = reader.next(&self.stage, report)?;
            drop(span);
            let Some(item) = item else { break };
            let bytes_read = item.bytes_read.map(|bytes| bytes_before + bytes);
            cursor.bytes = bytes_read.unwrap_or(cursor.bytes);
            if self.context.checksums == Checksums::Computed {
                cursor.checksum = item.checksum(cursor.checksum);
            }
            if cursor.batch < self.from.next {
                self.skip(*cursor, bytes_read)?;
            } else {
                let Some(permit) = self.context.permits.acquire_rest(&self.stage.stop, permit, item.bytes()) else {
                    break;
                };
                self.send(Message::TaskStarted { bytes_read });
                self.start_task(*cursor, input, item, permit);
            }
            cursor.batch += 1;
        }
        Ok(())
    }

    /// Skips an item whose output an earlier process has written. At the last such item the input has to have the checksum
    /// that it had then.
    fn skip(&self, cursor: Cursor, bytes_read: Option<u64>) -> Result<(), Box<Failure>> {
        self.send(Message::ItemSkipped { bytes_read });
        let is_last = cursor.batch + 1 == self.from.next;
        if is_last && cursor.checksum != self.from.read { Err(Box::new(changed())) } else { Ok(()) }
    }

    fn start_task(&self, cursor: Cursor, input: usize, item: WorkItem, permit: OwnedSemaphorePermit) {
        let (stage, messages) = (Arc::clone(&self.stage), self.context.messages.clone());
        let (permits, Cursor { batch, checksum, .. }) = (Arc::clone(&self.context.permits), cursor);
        self.context.pool.spawn_fifo(move || {
            permits.wait_for_room(&stage.stop, batch);
            let result = caught(|| stage.run(batch, input, item)).unwrap_or_else(|panic| {
                let mut failure = Box::new(Failure::from_panic(&*panic));
                failure.batch = Some(batch);
                Err(failure)
            });
            let result = result.map(|output| {
                let output = TaskOutput { read: checksum, ..output };
                let unwritten = permits.add_output(output.bytes());
                Box::new(InFlight { batch, output, _permit: permit, _unwritten: unwritten })
            });
            send(&messages, Message::TaskEnded(batch, result));
        });
    }

    fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        self.context.permits.acquire(&self.stage.stop)
    }

    fn send(&self, message: Message) {
        send(&self.context.messages, message);
    }
}

/// The failure of a resumed run whose input is not the same as before.
fn changed() -> Failure {
    let message = "cannot resume: the rows before the last checkpoint have changed";
    Failure::new(FailureKind::Host, message).with_hint(
        "an input was changed, or a step of kind source makes other rows in each run; `--restart` starts a new run",
    )
}
