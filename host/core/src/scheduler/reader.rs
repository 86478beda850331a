//! The reader's thread: blocking input, and a task for every piece.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use rayon::ThreadPool;
use tokio::sync::Semaphore;

use super::in_flight::{InFlight, acquire};
use super::message::Message;
use crate::failure::{Failure, FailureKind};
use crate::panics::caught;
use crate::runs::ResumePoint;
use crate::stage::{Stage, TaskOutput};
use crate::stage_input::{InputReader, StepReporter};

/// What the reader of one stage works with.
pub(super) struct Reading {
    pub(super) stage: Arc<Stage>,
    /// The stage's inputs, in the order in which they are read.
    pub(super) input_readers: InputReaders,
    pub(super) pool: Arc<ThreadPool>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) messages: Sender<Message>,
    /// Where an earlier process stopped.
    pub(super) from: ResumePoint,
    pub(super) checksums: Checksums,
}

/// Whether checksums of what is read are of use to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksums {
    Computed,
    Unused,
}

/// Opens a stage's inputs, when all is there that they read.
pub(crate) type InputReaders = Box<dyn FnOnce() -> Result<Vec<Box<dyn InputReader>>, Box<Failure>> + Send>;

impl Reading {
    /// Reads to the end, or until the permits are closed.
    pub(super) fn run(self) {
        let messages = self.messages.clone();
        let end = caught(|| self.read());
        let end = end.unwrap_or_else(|panic| Err(Box::new(Failure::of_panic(&*panic))));
        // The dispatcher is gone if the run has ended for another reason.
        let _ = messages.send(Message::InputEnded(end));
    }

    fn read(self) -> Result<(), Box<Failure>> {
        let mut batch = 0;
        let mut bytes_before = 0;
        let mut read = 0;
        for (input, mut input_reader) in (self.input_readers)()?.into_iter().enumerate() {
            let mut bytes = 0;
            let tell: StepReporter<'_> = &mut |step, report| {
                let _ = self.messages.send(Message::Worked { step, report });
                !self.permits.is_closed()
            };
            while let Some(permit) = acquire(&self.permits, &self.stage.stop) {
                let Some(item) = input_reader.next(&self.stage, tell)? else { break };
                bytes = item.bytes_read.unwrap_or(bytes);
                if self.checksums == Checksums::Computed {
                    read = item.checksum(read);
                }
                let bytes_read = item.bytes_read.map(|bytes| bytes_before + bytes);
                if batch < self.from.next {
                    // An earlier process has written what comes of it.
                    let _ = self.messages.send(Message::Skipped { bytes_read });
                    batch += 1;
                    if batch == self.from.next && read != self.from.read {
                        return Err(Box::new(changed()));
                    }
                    continue;
                }
                let _ = self.messages.send(Message::Read { bytes_read });
                let (stage, messages) = (Arc::clone(&self.stage), self.messages.clone());
                self.pool.spawn_fifo(move || {
                    let result = caught(|| stage.run(batch, input, item));
                    let result = result.unwrap_or_else(|panic| {
                        let mut failure = Box::new(Failure::of_panic(&*panic));
                        failure.batch = Some(batch);
                        Err(failure)
                    });
                    let in_flight = |output| InFlight { output: TaskOutput { read, ..output }, _permit: permit };
                    let _ = messages.send(Message::Done { batch, result: result.map(in_flight) });
                });
                batch += 1;
            }
            bytes_before += bytes;
        }
        // With closed permits nobody asks any more.
        if batch < self.from.next && acquire(&self.permits, &self.stage.stop).is_some() {
            return Err(Box::new(changed()));
        }
        Ok(())
    }
}

/// The failure of a run that goes on, and does not find what it has read before.
fn changed() -> Failure {
    let message = "the rows before those that are left to do are not what they were";
    Failure::new(FailureKind::Host, message)
        .with_hint("an input was changed, or a step that makes rows makes others every time; `--restart` begins anew")
}
