//! The writer's thread: blocking output, in order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use super::dispatcher::Message;
use crate::failure::Failure;
use crate::sink::{HandedOver, SinkError, Writer};
use crate::spool::{SpoolError, SpoolWriter};
use crate::stage::Outcome;

/// What the writer is asked to do.
pub(super) enum Order {
    /// Write what came of the next batch.
    Write(Box<Outcome>),
    /// All of a stage is written, and another comes: make readable what is kept for it.
    Keep,
    /// All is written: finish the files.
    Finish,
    /// Finish the reject file alone: there are too many rejected rows, and someone will want to look at them.
    FinishRejects,
}

/// The files of a run, in the order of the pipeline file.
pub(crate) struct Files {
    pub(crate) sinks: Vec<Writer>,
    pub(crate) rejects: Option<Writer>,
    /// What is kept on disk between stages, by its index.
    pub(crate) kept: Vec<SpoolWriter>,
}

impl Files {
    /// The files that are written beside their places, and have to be removed unless they are finished.
    pub(super) fn unfinished(&self) -> Vec<PathBuf> {
        self.sinks.iter().chain(&self.rejects).filter_map(Writer::unfinished).map(Path::to_owned).collect()
    }

    /// For every sink, how much its reader has got, where that is counted.
    pub(super) fn handed_over(&self) -> Vec<Option<Arc<HandedOver>>> {
        self.sinks.iter().map(Writer::handed_over).collect()
    }

    fn write(&mut self, outcome: &mut Outcome) -> Result<(), WriteError> {
        for (sink, encoded) in outcome.encoded.drain(..) {
            self.sinks[sink].write(encoded)?;
        }
        for (kept, frame) in outcome.kept.drain(..) {
            self.kept[kept].write(&frame)?;
        }
        if let (Some(writer), Some(encoded)) = (&mut self.rejects, outcome.rejects.take()) {
            writer.write(encoded)?;
        }
        Ok(())
    }

    fn keep(&mut self) -> Result<(), WriteError> {
        Ok(self.kept.iter_mut().try_for_each(SpoolWriter::flush)?)
    }

    /// The reject file is finished last, so that it is never about an output that is not there.
    fn finish(&mut self) -> Result<(), WriteError> {
        self.sinks.drain(..).try_for_each(Writer::finish)?;
        self.finish_rejects()
    }

    fn finish_rejects(&mut self) -> Result<(), WriteError> {
        Ok(self.rejects.take().map_or(Ok(()), Writer::finish)?)
    }
}

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error(transparent)]
    Kept(#[from] SpoolError),
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
pub(super) fn run(files: Files, orders: &Receiver<Order>, messages: &Sender<Message>) {
    follow(files, orders, messages);
    let _ = messages.send(Message::WriterGone);
}

fn follow(mut files: Files, orders: &Receiver<Order>, messages: &Sender<Message>) {
    while let Ok(order) = orders.recv() {
        let done = catch_unwind(AssertUnwindSafe(|| match order {
            Order::Write(mut outcome) => files.write(&mut outcome).map(|()| Message::Written(outcome)),
            Order::Keep => files.keep().map(|()| Message::Kept),
            Order::Finish => files.finish().map(|()| Message::Finished(Ok(()))),
            Order::FinishRejects => files.finish_rejects().map(|()| Message::Finished(Ok(()))),
        }));
        let message = match done {
            Ok(Ok(message)) => message,
            Ok(Err(error)) => Message::Finished(Err(ended(&error))),
            Err(panic) => Message::Finished(Err(WriteEnd::Failed(Box::new(Failure::of_panic(&*panic))))),
        };
        let is_last = matches!(message, Message::Finished(_));
        if is_last {
            drop(files);
            let _ = messages.send(message);
            return;
        }
        let _ = messages.send(message);
    }
}

fn ended(error: &WriteError) -> WriteEnd {
    match error {
        WriteError::Sink(error) if error.is_closed() => WriteEnd::Closed,
        WriteError::Sink(error) => WriteEnd::Failed(Box::new(Failure::host(error))),
        WriteError::Kept(error) => WriteEnd::Failed(Box::new(Failure::host(error))),
    }
}
