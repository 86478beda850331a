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
pub(super) fn run(writers: Vec<Writer>, orders: &Receiver<Order>, messages: &Sender<Message>) {
    follow(writers, orders, messages);
    let _ = messages.send(Message::WriterGone);
}

fn follow(mut writers: Vec<Writer>, orders: &Receiver<Order>, messages: &Sender<Message>) {
    while let Ok(order) = orders.recv() {
        let done = catch_unwind(AssertUnwindSafe(|| match order {
            Order::Write(outcome) => write(&mut writers, *outcome, messages),
            Order::Finish => {
                let finished = writers.drain(..).try_for_each(Writer::finish);
                let _ = messages.send(Message::Finished(finished.map_err(|error| ended(&error))));
                Ok(())
            }
        }));
        let done = done.unwrap_or_else(|panic| Err(WriteEnd::Failed(Box::new(Failure::of_panic(&*panic)))));
        if let Err(end) = done {
            drop(writers);
            let _ = messages.send(Message::Finished(Err(end)));
            return;
        }
    }
}

fn write(writers: &mut [Writer], outcome: Outcome, messages: &Sender<Message>) -> Result<(), WriteEnd> {
    let Outcome { rows, encoded, sink_rows, steps, rejected } = outcome;
    drop(rejected);
    for (writer, encoded) in writers.iter_mut().zip(encoded) {
        writer.write(encoded).map_err(|error| ended(&error))?;
    }
    let _ = messages.send(Message::Written { rows, sink_rows, steps });
    Ok(())
}

fn ended(error: &SinkError) -> WriteEnd {
    if error.is_closed() { WriteEnd::Closed } else { WriteEnd::Failed(Box::new(Failure::host(error))) }
}
