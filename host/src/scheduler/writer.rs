//! The writer's thread: blocking output, in order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender};

use super::dispatcher::Message;
use crate::failure::Failure;
use crate::sink::{SinkError, Writer};
use crate::stage::Outcome;

/// What the writer is asked to do.
pub(super) enum Order {
    /// Write what came of the next batch.
    Write(Box<Outcome>),
    /// All is written: finish the files.
    Finish,
    /// Finish the reject file alone: there are too many rejected rows, and someone will want to look at them.
    FinishRejects,
}

/// The files of a run, in the order of the pipeline file.
pub(crate) struct Files {
    pub(crate) sinks: Vec<Writer>,
    pub(crate) rejects: Option<Writer>,
}

impl Files {
    fn write(&mut self, outcome: &mut Outcome) -> Result<(), SinkError> {
        for (writer, encoded) in self.sinks.iter_mut().zip(outcome.encoded.drain(..)) {
            writer.write(encoded)?;
        }
        match (&mut self.rejects, outcome.rejects.take()) {
            (Some(writer), Some(encoded)) => writer.write(encoded),
            _ => Ok(()),
        }
    }

    /// The reject file is finished last, so that it is never about an output that is not there.
    fn finish(&mut self) -> Result<(), SinkError> {
        self.sinks.drain(..).try_for_each(Writer::finish)?;
        self.finish_rejects()
    }

    fn finish_rejects(&mut self) -> Result<(), SinkError> {
        self.rejects.take().map_or(Ok(()), Writer::finish)
    }
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

fn ended(error: &SinkError) -> WriteEnd {
    if error.is_closed() { WriteEnd::Closed } else { WriteEnd::Failed(Box::new(Failure::host(error))) }
}
