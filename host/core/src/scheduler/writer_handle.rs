//! The dispatcher's end of the writer.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use super::in_flight::InFlight;
use super::message::Message;
use super::spawn;
use super::writer::{self, Files, Order};
use crate::cleanup::Entries;
use crate::report::SinkReport;
use crate::sink::DeliveredRows;
use crate::writeback::Writeback;

/// Sends orders to the writer. Lives as long as the dispatcher; the writer's thread may outlive both.
pub(super) struct WriterHandle {
    /// `None` once no more orders are sent.
    orders: Option<Sender<Order>>,
    /// Outputs that were ordered to be written and are not written yet.
    unwritten: usize,
    has_exited: bool,
    entries: Entries,
    writeback: Writeback,
    /// Of each sink, if its rows are counted when its reader gets them.
    delivered: Vec<Option<Arc<DeliveredRows>>>,
}

impl WriterHandle {
    /// Starts the writer's thread. If that fails, the handle is that of a writer that has exited.
    pub(super) fn start(files: Files, messages: &Sender<Message>) -> (Self, io::Result<()>) {
        let (orders, receiver) = channel();
        let (entries, delivered, writeback) = (files.entries.clone(), files.delivered(), files.writeback.clone());
        let messages = messages.clone();
        let started = spawn("writer", move || writer::run(files, &receiver, &messages));
        let has_exited = started.is_err();
        (Self { orders: Some(orders), unwritten: 0, has_exited, entries, writeback, delivered }, started)
    }

    /// Orders an output to be written.
    pub(super) fn write(&mut self, in_flight: Box<InFlight>) {
        if self.order(Order::Write(in_flight)) {
            self.unwritten += 1;
        }
    }

    /// Sends an order. Returns false if the writer executes no more.
    pub(super) fn order(&self, order: Order) -> bool {
        self.orders.as_ref().is_some_and(|orders| orders.send(order).is_ok())
    }

    /// An output was written.
    pub(super) fn written(&mut self) {
        self.unwritten -= 1;
    }

    /// Whether everything that was ordered to be written is.
    pub(super) fn is_idle(&self) -> bool {
        self.unwritten == 0
    }

    /// Whether a sync of all files can be expected to end within this time, by the time that the last one took.
    pub(super) fn can_sync_within(&self, time: Duration) -> bool {
        self.writeback.last_sync() <= time
    }

    /// Does not sync the files any more as they grow.
    pub(super) fn pause_writeback(&self) {
        self.writeback.pause();
    }

    /// Sends no more orders. The writer executes those that it has, removes unfinished files and exits.
    pub(super) fn close(&mut self) {
        self.orders = None;
    }

    pub(super) fn exited(&mut self) {
        self.has_exited = true;
    }

    pub(super) fn has_exited(&self) -> bool {
        self.has_exited
    }

    /// Lets the writer stop between two rows. Returns whether that has an effect on any sink.
    pub(super) fn hold(&self) -> bool {
        self.delivered.iter().flatten().for_each(|rows| rows.stop());
        self.delivered.iter().any(Option::is_some)
    }

    /// Replaces the numbers of rows by those that were delivered, where these are counted.
    pub(super) fn count_delivered(&self, sinks: &mut [SinkReport]) {
        for (sink, delivered) in sinks.iter_mut().zip(&self.delivered) {
            sink.rows = delivered.as_ref().map_or(sink.rows, |delivered| delivered.rows());
        }
    }

    /// Removes the temporary files if the writer has not exited: it may never come to it.
    pub(super) fn remove_files(&self) {
        if !self.has_exited {
            self.entries.remove();
        }
    }

    /// Whether the writer is renaming files, or has done so.
    pub(super) fn is_placing(&self) -> bool {
        self.entries.are_placed()
    }
}
