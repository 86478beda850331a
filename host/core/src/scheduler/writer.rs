//! The writer's thread: blocking output, in order.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};

use super::checkpoint_writer::{CheckpointWriter, Keeping};
use super::in_flight::InFlight;
use super::message::Message;
use crate::cleanup::Entries;
use crate::failure::Failure;
use crate::panics::caught;
use crate::report::Report;
use crate::runs::FinishedOutput;
use crate::sink::{DeliveredRows, SinkError, Writer};
use crate::spill::{SpillError, SpillWriter};
use crate::stage::TaskOutput;

/// What the writer is asked to do.
pub(super) enum Order {
    /// Write what came of the next batch. `next`: the number of the one behind it; none once the run ends, when something
    /// is left out.
    Write { outcome: Box<InFlight>, next: Option<u64> },
    /// All of a stage is written, and another comes: make readable what is kept for it. With the numbers of the run.
    EndStage(Box<Report>),
    /// The run ends early: make a checkpoint of what is written, if it could go on and has done enough to be worth it.
    Checkpoint,
    /// All is written: finish the files.
    Finish(Box<Report>),
    /// Finish the reject file alone: there are too many rejected rows, and someone will want to look at them.
    FinishRejects,
}

/// The files of a run, in the order of the pipeline file.
pub(crate) struct Files {
    pub(crate) sinks: Vec<Writer>,
    pub(crate) rejects: Option<Writer>,
    /// What is kept on disk between stages, by its index.
    pub(crate) kept: Vec<SpillWriter>,
    /// The files that are written beside their places.
    pub(crate) entries: Entries,
    /// Of a run that can go on.
    pub(crate) keeping: Option<Keeping>,
}

impl Files {
    /// For every sink, how much its reader has got, where that is counted.
    pub(super) fn delivered(&self) -> Vec<Option<Arc<DeliveredRows>>> {
        self.sinks.iter().map(Writer::delivered).collect()
    }

    fn follow(
        &mut self,
        order: Order,
        checkpoints: Option<&mut CheckpointWriter>,
    ) -> Result<Option<Message>, WriteError> {
        Ok(Some(match order {
            Order::Write { mut outcome, next } => {
                self.write(&mut outcome.output)?;
                if let Some(checkpoints) = checkpoints {
                    checkpoints.written(&outcome.output, next);
                }
                Message::Written(outcome)
            }
            Order::EndStage(report) => {
                self.kept.iter_mut().try_for_each(SpillWriter::flush)?;
                if let Some(checkpoints) = checkpoints {
                    checkpoints.stage_ended(*report);
                }
                Message::Kept
            }
            Order::Checkpoint => {
                return match checkpoints.filter(|checkpoints| checkpoints.is_worth_keeping()) {
                    Some(checkpoints) => self.checkpoint(checkpoints),
                    None => Ok(None),
                };
            }
            Order::Finish(report) => {
                match checkpoints {
                    Some(checkpoints) => {
                        checkpoints.stage_ended(*report);
                        self.finish_with(checkpoints)?;
                    }
                    None => self.finish()?,
                }
                Message::Finished(Ok(()))
            }
            Order::FinishRejects => {
                self.finish_rejects(checkpoints.as_deref())?;
                Message::Finished(Ok(()))
            }
        }))
    }

    fn write(&mut self, outcome: &mut TaskOutput) -> Result<(), WriteError> {
        for (sink, encoded) in outcome.encoded.drain(..) {
            self.sinks[sink].write(encoded)?;
        }
        for (kept, frame) in outcome.spilled.drain(..) {
            self.kept[kept].write(&frame)?;
        }
        if let (Some(writer), Some(encoded)) = (&mut self.rejects, outcome.rejects.take()) {
            writer.write(encoded)?;
        }
        Ok(())
    }

    /// First all files get their ends, and then they are put in their places: once the first is, a run that is stopped has
    /// come to its end.
    fn finish(&mut self) -> Result<(), WriteError> {
        self.sinks.iter_mut().chain(&mut self.rejects).try_for_each(Writer::write_end)?;
        self.place()
    }

    /// The reject file is the last, so that it is never about an output that is not there.
    fn place(&mut self) -> Result<(), WriteError> {
        if !self.entries.place() {
            return Err(WriteError::Stopped);
        }
        Ok(self.sinks.drain(..).chain(self.rejects.take()).try_for_each(Writer::publish)?)
    }

    /// The same where the run could go on: first all files get their ends, then it is made known that they have, and only
    /// then are they put in their places. So a run that is killed in between does not begin to write them again.
    fn finish_with(&mut self, checkpoints: &mut CheckpointWriter) -> Result<(), WriteError> {
        if !checkpoints.has_checkpoint() {
            return self.finish();
        }
        let mut places = Vec::new();
        for writer in self.sinks.iter_mut().chain(&mut self.rejects) {
            writer.write_end()?;
            let text = |path: &Path| path.to_string_lossy().into_owned();
            if let Some((from, to)) = writer.paths() {
                let length = fs::metadata(from).map_err(WriteError::Checkpoint)?.len();
                places.push(FinishedOutput { from: text(from), to: text(to), length });
            }
        }
        let mut checkpoint = checkpoints.checkpoint();
        checkpoint.finished = Some(places);
        checkpoints.save(&checkpoint).map_err(WriteError::Checkpoint)?;
        self.place()
    }

    fn finish_rejects(&mut self, checkpoints: Option<&CheckpointWriter>) -> Result<(), WriteError> {
        let Some(rejects) = self.rejects.take() else { return Ok(()) };
        let could_go_on = checkpoints.is_some_and(CheckpointWriter::has_checkpoint);
        Ok(if could_go_on { rejects.publish_copy() } else { rejects.finish() }?)
    }

    /// Makes a checkpoint: first all that is written, then where to go on. If the latter cannot be kept, the run goes on,
    /// and the checkpoint before holds.
    fn checkpoint(&mut self, checkpoints: &mut CheckpointWriter) -> Result<Option<Message>, WriteError> {
        let mut checkpoint = checkpoints.checkpoint();
        checkpoint.sinks = self.sinks.iter_mut().map(Writer::checkpoint).collect::<Result<_, _>>()?;
        checkpoint.rejects = self.rejects.as_mut().map(Writer::checkpoint).transpose()?;
        checkpoint.spills = self.kept.iter_mut().map(SpillWriter::sync).collect::<Result<_, _>>()?;
        if !self.entries.keep() {
            return Ok(None);
        }
        if let Err(error) = checkpoints.save(&checkpoint) {
            tracing::warn!("no checkpoint could be made, so less of this run could be resumed: {error}");
            return Ok(None);
        }
        self.sinks.iter_mut().chain(&mut self.rejects).for_each(Writer::checkpoint_saved);
        Ok(Some(Message::Checkpoint { rows: checkpoints.rows() }))
    }
}

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error(transparent)]
    Kept(#[from] SpillError),
    #[error("the run was stopped before its outputs were in their places")]
    Stopped,
    #[error("the outputs are written, and it cannot be kept that they are")]
    Checkpoint(#[source] std::io::Error),
}

/// Why writing ended early.
#[derive(Debug)]
pub(super) enum WriteEnd {
    /// Whoever reads the standard output has gone.
    Closed,
    /// A sink failed.
    Failed(Box<Failure>),
}

/// Does as ordered, until it is told to finish, or nobody orders any more. In the latter case unfinished files are
/// removed. Its last message says that it touches no file any more.
pub(super) fn run(mut files: Files, orders: &Receiver<Order>, messages: &Sender<Message>) {
    let last = caught(|| follow(&mut files, orders, messages)).unwrap_or_else(|panic| {
        let failure = Box::new(Failure::of_panic(&*panic));
        Some(Message::Finished(Err(WriteEnd::Failed(failure))))
    });
    // Whoever hears of the end may count on it that nothing is held any more.
    drop(files);
    if let Some(last) = last {
        let _ = messages.send(last);
    }
    let _ = messages.send(Message::WriterGone);
}

/// The last message, unless nobody orders any more.
fn follow(files: &mut Files, orders: &Receiver<Order>, messages: &Sender<Message>) -> Option<Message> {
    let mut checkpoints = files.keeping.take().map(CheckpointWriter::new);
    if let Some(checkpoints) = checkpoints.as_ref().filter(|checkpoints| checkpoints.has_checkpoint()) {
        let _ = messages.send(Message::Checkpoint { rows: checkpoints.rows() });
    }
    loop {
        let order = match checkpoints.as_ref().and_then(CheckpointWriter::due_in) {
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(time) => orders.recv_timeout(time),
        };
        if matches!(order, Err(RecvTimeoutError::Disconnected)) {
            return None;
        }
        let done = (|| {
            if let Some(checkpoints) = checkpoints.as_mut().filter(|checkpoints| checkpoints.is_due())
                && let Some(message) = files.checkpoint(checkpoints)?
            {
                let _ = messages.send(message);
            }
            order.map_or(Ok(None), |order| files.follow(order, checkpoints.as_mut()))
        })();
        match done {
            Ok(Some(message @ Message::Finished(_))) => return Some(message),
            Ok(Some(message)) => {
                let _ = messages.send(message);
            }
            Ok(None) => {}
            Err(error) => return Some(Message::Finished(Err(ended(&error)))),
        }
    }
}

fn ended(error: &WriteError) -> WriteEnd {
    match error {
        WriteError::Stopped => WriteEnd::Closed,
        WriteError::Sink(error) if error.is_closed() => WriteEnd::Closed,
        WriteError::Sink(error) => WriteEnd::Failed(Box::new(Failure::host(error))),
        WriteError::Kept(error) => WriteEnd::Failed(Box::new(Failure::host(error))),
        WriteError::Checkpoint(_) => WriteEnd::Failed(Box::new(Failure::host(error))),
    }
}
