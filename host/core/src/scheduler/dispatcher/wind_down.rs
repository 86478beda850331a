//! The end of a run that does not end by itself: an interrupt, a failure, an output that nobody reads.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::{Dispatcher, Input, RunOutcome, receive_within};
use crate::interrupt::StopReason;
use crate::scheduler::message::Message;
use crate::scheduler::writer::Order;
use crate::sink::DeliveredRows;

/// How long finished batches may take to be written once the run is asked to stop. A pipe that nobody reads would
/// otherwise hold it for ever.
const LAST_WRITES: Duration = Duration::from_millis(10);
/// How long the row that is being written then may still take, so that a slow reader does not get half of it.
const LAST_ROW: Duration = Duration::from_millis(10);
/// How long an interrupted run that can go on waits for its last checkpoint. If the disk needs longer, the one before it
/// holds. Within the grace it has all the time that is left.
const LAST_CHECKPOINT: Duration = Duration::from_millis(30);
/// How long a run that failed waits for it: nobody waits at the keyboard, and what it took to get here may be hours.
const CHECKPOINT_OF_FAILED: Duration = Duration::from_secs(30);
/// How long the reject file may take to be finished, disk included, when it is all that is left of a run.
const REJECTS: Duration = Duration::from_secs(5);
/// How long it may take to rename the outputs, once the first is. It takes no time unless the disk hangs.
const PLACING: Duration = Duration::from_secs(30);
/// How long an interrupted run waits for the guests that it has stopped. They all end, but where there are many more of
/// them than cores, each has to get its turn first, and nobody has a use for what they do with it.
const LAST_WORDS: Duration = Duration::from_millis(5);
/// How long to wait for tasks that were stopped before their guests are asked again.
const ASK_AGAIN: Duration = Duration::from_millis(5);

impl Dispatcher<'_> {
    /// Has all guests end, and the writer write what is finished.
    pub(super) fn wind_down(&mut self, inbox: &Receiver<Message>) {
        let mut patience = None;
        let mut grace_ends = None;
        // Within the grace tasks may go on to their ends; then the stop reaches them.
        if let Some(RunOutcome::Interrupted(signal, _)) = self.end {
            // A grace so long that clocks can't tell its end has none.
            let deadline = Instant::now().checked_add(self.grace);
            grace_ends = deadline;
            let left = || deadline.map_or(ASK_AGAIN, |deadline| deadline.saturating_duration_since(Instant::now()));
            // Guests outside of tasks don't send a message when they end.
            // The one who called them does, a little later.
            while (self.has_guests() || self.input == Input::Generated) && !left().is_zero() {
                if self.input == Input::Read && self.stage.active_guests.load(Ordering::Acquire) > 0 {
                    self.input = Input::Generated;
                }
                if let Some(message) = receive_within(inbox, left().min(ASK_AGAIN)) {
                    self.take(message);
                }
            }
            self.stage.stop.stop(StopReason::Signal(signal));
            patience = Some(Instant::now() + LAST_WORDS);
        }
        let left = || patience.map_or(ASK_AGAIN, |until| until.saturating_duration_since(Instant::now()));
        while self.has_guests() && !left().is_zero() {
            match receive_within(inbox, left().min(ASK_AGAIN)) {
                Some(message) => {
                    self.take(message);
                }
                None => self.stage.stop.raise_epoch(),
            }
        }
        let mut patience = LAST_WRITES;
        if self.keeps
            && let Some(orders) = &self.orders
        {
            // Behind it nothing is written that a run could go on with.
            let _ = orders.send(Order::Checkpoint);
            let grace = grace_ends.map_or(Duration::ZERO, |end| end.saturating_duration_since(Instant::now()));
            patience = match &self.end {
                Some(RunOutcome::Interrupted(..)) => patience.max(LAST_CHECKPOINT).max(grace),
                _ => CHECKPOINT_OF_FAILED,
            };
        }
        if matches!(self.end, Some(RunOutcome::TooManyRejects)) {
            self.write_the_rest();
        }
        if let (Some(RunOutcome::TooManyRejects), Some(orders)) = (&self.end, &self.orders) {
            let _ = orders.send(Order::FinishRejects);
            patience = patience.max(REJECTS);
        }
        // The writer ends when it has written what it was given; unfinished files are gone then.
        self.orders = None;
        self.wait_for_writer(inbox, patience);
    }

    /// Has the writer stop between two rows, and counts those that went out.
    pub(super) fn hand_over_no_more(&mut self, delivered: &[Option<Arc<DeliveredRows>>], inbox: &Receiver<Message>) {
        delivered.iter().flatten().for_each(|sink| sink.stop());
        if delivered.iter().any(Option::is_some) {
            self.wait_for_writer(inbox, LAST_ROW);
        }
        for (sink, delivered) in self.report.sinks.iter_mut().zip(delivered) {
            sink.rows = delivered.as_ref().map_or(sink.rows, |delivered| delivered.rows());
        }
    }

    /// Some outputs are in their places, so the others have to be.
    pub(super) fn wait_until_placed(&mut self, inbox: &Receiver<Message>) {
        self.wait_for_writer(inbox, PLACING);
    }

    fn wait_for_writer(&mut self, inbox: &Receiver<Message>, patience: Duration) {
        let deadline = Instant::now() + patience;
        while !self.writer_gone {
            let Some(message) = receive_within(inbox, deadline.saturating_duration_since(Instant::now())) else {
                return;
            };
            self.take(message);
        }
    }

    /// Whether there are tasks, or calls of guests outside of them, that have not ended.
    pub(super) fn has_guests(&self) -> bool {
        self.in_flight > 0 || self.stage.active_guests.load(Ordering::Acquire) > 0
    }

    /// Has outcomes written that wait for a batch that will not come, for the sake of their rejected rows.
    fn write_the_rest(&mut self) {
        for outcome in self.reorder_buffer.take_rest() {
            self.write(outcome, None);
        }
    }
}
