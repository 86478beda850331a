//! The writer's thread: writes outputs, which may block, and saves checkpoints, in the order of its orders.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use super::dropped_file::DroppedFile;
use super::in_flight::InFlight;
use super::message::{CheckpointResult, Message, WriteEnd, send};
use crate::cleanup::Entries;
use crate::failure::Failure;
use crate::monitor::{Monitor, Span, SpanKind};
use crate::panics::caught;
use crate::runs::{Checkpoint, FinishedOutput, RunFolder, RunRecord};
use crate::sink::{DeliveredRows, SinkError, Writer};
use crate::spill::{SpillError, SpillWriter};
use crate::stage::TaskOutput;
use crate::writeback::{Durability, Writeback};

/// An order from the dispatcher to the writer.
pub(super) enum Order {
    /// Write the next output.
    Write(Box<InFlight>),
    /// Make the rows readable that the stage has spilled. All its outputs are written.
    EndStage,
    /// Save this checkpoint. It counts exactly the outputs that were ordered before.
    SaveCheckpoint(Box<Checkpoint>, Durability),
    /// Finish all files. For a run that already has a checkpoint: with one that says that all files are complete.
    Finish(Option<Box<Checkpoint>>),
    /// Finish the reject file alone: too many rows were rejected, and the rejected rows show why.
    FinishRejects(RejectFile),
}

impl Order {
    /// The work of the order.
    fn span(&self) -> Span {
        match self {
            Self::Write(in_flight) => Span::new(SpanKind::Write, "write").batch(in_flight.batch),
            Self::EndStage => Span::new(SpanKind::Write, "flush the spill files"),
            Self::SaveCheckpoint(..) => Span::new(SpanKind::Write, "save a checkpoint"),
            Self::Finish(_) => Span::new(SpanKind::Write, "finish the outputs"),
            Self::FinishRejects(_) => Span::new(SpanKind::Write, "finish the reject file"),
        }
    }
}

/// The temporary reject file of a run with too many rejected rows, after its rows are in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RejectFile {
    /// The file is moved to its place.
    Moved,
    /// The run can be resumed, so the file stays, and a copy of it is put in its place.
    Copied,
}

/// The files of a run, in the order of the pipeline file.
pub(crate) struct Files {
    pub(crate) sinks: Vec<Writer>,
    pub(crate) rejects: Option<Writer>,
    pub(crate) dropped: Option<DroppedFile>,
    /// Rows spilled between stages, by their index.
    pub(crate) spills: Vec<SpillWriter>,
    /// The temporary files among them.
    pub(crate) entries: Entries,
    pub(crate) writeback: Writeback,
    /// The monitor of the run.
    pub(crate) monitor: Monitor,
    /// `None` if the run cannot be resumed.
    pub(crate) checkpoint: Option<CheckpointFile>,
}

/// The checkpoint file of a run.
pub(crate) struct CheckpointFile {
    pub(crate) folder: RunFolder,
    /// The entry for lists of runs, which has to be on the disk before the first checkpoint.
    pub(crate) record: RunRecord,
    pub(crate) has_synced_record: bool,
}

impl CheckpointFile {
    /// Replaces the checkpoint. The one before it is valid until this returns.
    fn save(&mut self, checkpoint: &Checkpoint, durability: Durability) -> io::Result<()> {
        if durability == Durability::Written {
            self.folder.record(&self.record)?;
            return self.folder.save_until_restart(checkpoint);
        }
        if !self.has_synced_record {
            self.folder.sync(&self.record)?;
            self.has_synced_record = true;
        }
        self.folder.save(checkpoint)
    }
}

impl Files {
    /// For every sink the counter of delivered rows, if it has one.
    pub(super) fn delivered(&self) -> Vec<Option<Arc<DeliveredRows>>> {
        self.sinks.iter().map(Writer::delivered).collect()
    }

    fn execute(&mut self, order: Order) -> Result<Message, WriteError> {
        Ok(match order {
            Order::Write(mut in_flight) => {
                self.write(&mut in_flight.output)?;
                Message::Written(in_flight)
            }
            Order::EndStage => {
                self.spills.iter_mut().try_for_each(SpillWriter::flush)?;
                Message::StageFlushed
            }
            Order::SaveCheckpoint(checkpoint, durability) => {
                Message::CheckpointTried(self.save_checkpoint(*checkpoint, durability)?)
            }
            Order::Finish(checkpoint) => {
                self.finish(checkpoint)?;
                Message::WritingEnded(Ok(()))
            }
            Order::FinishRejects(file) => {
                self.finish_rejects(file)?;
                Message::WritingEnded(Ok(()))
            }
        })
    }

    fn write(&mut self, output: &mut TaskOutput) -> Result<(), WriteError> {
        for (sink, encoded) in output.encoded.drain(..) {
            self.sinks[sink].write(encoded)?;
        }
        for (spill, frame) in output.spilled.drain(..) {
            self.spills[spill].write(&frame)?;
        }
        if let (Some(writer), Some(encoded)) = (&mut self.rejects, output.rejects.take()) {
            writer.write(encoded)?;
        }
        if let Some(dropped) = &mut self.dropped
            && let Some(encoded) = dropped.encode(&output.dropped).map_err(WriteError::Compression)?
        {
            dropped.writer.write(encoded)?;
        }
        Ok(())
    }

    /// The files that are finished together: sinks, dropped rows, rejected rows. The reject file is the last, so that it never
    /// describes an output that is not there.
    fn writers(&mut self) -> impl Iterator<Item = &mut Writer> {
        self.sinks.iter_mut().chain(self.dropped.as_mut().map(|dropped| &mut dropped.writer)).chain(&mut self.rejects)
    }

    /// Writes the ends of all files, and then puts them in their places: once the first one is, a stopped run has finished.
    /// A checkpoint in between says that only the second part is left, so that a killed run does not write them again.
    fn finish(&mut self, checkpoint: Option<Box<Checkpoint>>) -> Result<(), WriteError> {
        self.writers().try_for_each(Writer::write_end)?;
        if self.checkpoint.is_some()
            && let Some(mut checkpoint) = checkpoint
        {
            let places: io::Result<Vec<_>> = self.writers().filter_map(|writer| place(writer).transpose()).collect();
            checkpoint.finished = Some(places.map_err(WriteError::Checkpoint)?);
            let file = self.checkpoint.as_mut().expect("it was there above");
            file.save(&checkpoint, Durability::OnDisk).map_err(WriteError::Checkpoint)?;
        }
        if !self.entries.place() {
            return Err(WriteError::Stopped);
        }
        let dropped = self.dropped.take().map(|dropped| dropped.writer);
        Ok(self.sinks.drain(..).chain(dropped).chain(self.rejects.take()).try_for_each(Writer::publish)?)
    }

    fn finish_rejects(&mut self, file: RejectFile) -> Result<(), WriteError> {
        let Some(rejects) = self.rejects.take() else { return Ok(()) };
        Ok(match file {
            RejectFile::Moved => rejects.finish(),
            RejectFile::Copied => rejects.publish_copy(),
        }?)
    }

    /// Syncs all files if the checkpoint is to be on the disk, and then saves it with their lengths.
    fn save_checkpoint(
        &mut self,
        mut checkpoint: Checkpoint,
        durability: Durability,
    ) -> Result<CheckpointResult, WriteError> {
        if self.checkpoint.is_none() {
            return Ok(CheckpointResult::NotSaved);
        }
        checkpoint.sinks = self.sinks.iter_mut().map(|sink| sink.checkpoint(durability)).collect::<Result<_, _>>()?;
        checkpoint.dropped = self.dropped.as_mut().map(|dropped| dropped.checkpoint(durability)).transpose()?;
        checkpoint.rejects = self.rejects.as_mut().map(|rejects| rejects.checkpoint(durability)).transpose()?;
        checkpoint.spills =
            self.spills.iter_mut().map(|spill| spill.checkpoint(durability)).collect::<Result<_, _>>()?;
        if !self.entries.keep() {
            return Ok(CheckpointResult::NotSaved);
        }
        // The run itself does not depend on it, and the checkpoint before is still valid.
        let file = self.checkpoint.as_mut().expect("it was there above");
        if let Err(error) = file.save(&checkpoint, durability) {
            tracing::warn!("cannot save a checkpoint, so less of this run could be resumed: {error}");
            return Ok(CheckpointResult::NotSaved);
        }
        self.writers().for_each(|file| file.checkpoint_saved(durability));
        Ok(CheckpointResult::Saved)
    }
}

/// The place of a file that has its end, for a checkpoint. `None` if it has no path.
fn place(writer: &mut Writer) -> io::Result<Option<FinishedOutput>> {
    let Some((from, to)) = writer.paths() else { return Ok(None) };
    let length = fs::metadata(from)?.len();
    Ok(Some(FinishedOutput { from: from.to_owned().into(), to: to.to_owned().into(), length }))
}

/// Why an order could not be executed.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error(transparent)]
    Spill(#[from] SpillError),
    #[error("the run was stopped before its outputs were in their places")]
    Stopped,
    #[error("dropped rows cannot be compressed")]
    Compression(#[source] io::Error),
    #[error("outputs were written, but the final checkpoint could not be saved")]
    Checkpoint(#[source] io::Error),
}

impl From<WriteError> for WriteEnd {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Stopped => Self::Closed,
            WriteError::Sink(error) if error.is_closed() => Self::Closed,
            WriteError::Sink(error) => Self::Failed(Box::new(Failure::host(&error))),
            WriteError::Spill(error) => Self::Failed(Box::new(Failure::host(&error))),
            WriteError::Compression(_) | WriteError::Checkpoint(_) => Self::Failed(Box::new(Failure::host(&error))),
        }
    }
}

/// Executes orders until the files are finished, an order fails, or the dispatcher sends no more. In the last case the
/// unfinished files are removed.
pub(super) fn run(mut files: Files, orders: &Receiver<Order>, messages: &Sender<Message>) {
    let last = caught(|| execute_all(&mut files, orders, messages)).unwrap_or_else(|panic| {
        let failure = Box::new(Failure::from_panic(&*panic));
        Some(Message::WritingEnded(Err(WriteEnd::Failed(failure))))
    });
    // Before the last messages, after which the dispatcher relies on the files being closed.
    drop(files);
    if let Some(last) = last {
        send(messages, last);
    }
    send(messages, Message::WriterExited);
}

/// Returns the message of the end, or `None` if the dispatcher sends no more orders.
fn execute_all(files: &mut Files, orders: &Receiver<Order>, messages: &Sender<Message>) -> Option<Message> {
    for order in orders {
        let span = files.monitor.begin(order.span());
        let result = files.execute(order);
        drop(span);
        match result {
            Ok(end @ Message::WritingEnded(_)) => return Some(end),
            Ok(message) => send(messages, message),
            Err(error) => return Some(Message::WritingEnded(Err(error.into()))),
        }
    }
    None
}
