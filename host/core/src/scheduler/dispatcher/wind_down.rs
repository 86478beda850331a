//! The end of a run that is interrupted, has failed, or whose output is closed.

use std::time::{Duration, Instant};

use super::{ASK_AGAIN, Dispatcher, InputState, RunOutcome, grace_after};
use crate::interrupt::{CancelReason, StopReason};
use crate::runs;
use crate::scheduler::checkpoints::CheckpointSchedule;
use crate::scheduler::writer::{Order, RejectFile};
use crate::writeback::Durability;

/// Time for finished outputs to be written once the run is to stop. Without this limit a pipe without a reader would hold
/// the run forever.
const LAST_WRITES: Duration = Duration::from_millis(10);
/// Time after that for the row that is being written, so that a slow reader does not get a part of it.
const LAST_ROW: Duration = Duration::from_millis(10);
/// Time for the last checkpoint of an interrupted run. Usually it takes some milliseconds, but the writer may be in a sync that began
/// before the signal, and the process cannot end before that does. If it takes longer, the checkpoint before it is valid. A run
/// with a grace has the rest of the grace if that is longer.
const LAST_CHECKPOINT: Duration = Duration::from_millis(50);
/// Time for the last checkpoint of a failed run. It is long because no signal asks for a prompt end, and the rows so far may be hours of work.
const CHECKPOINT_OF_FAILED: Duration = Duration::from_secs(30);
/// Time to finish the reject file, including the disk, when nothing else is left of a run.
const REJECTS: Duration = Duration::from_secs(5);
/// Time to rename all outputs after the first. It takes no time unless the disk hangs.
const PLACING: Duration = Duration::from_secs(30);
/// Time that an interrupted run waits for the guests that it has stopped. They all end, but one may be in the middle of a
/// long bulk memory instruction, and their results are of no use.
const STOPPED_GUESTS: Duration = Duration::from_millis(5);

impl Dispatcher<'_> {
    /// Ends all guests, and has the writer write the outputs that are complete.
    pub(super) fn wind_down(&mut self) {
        let mut grace_ends = None;
        if let Some(RunOutcome::Interrupted(reason, _)) = self.end {
            // Clocks cannot represent the end of an extremely long grace; it then has none.
            grace_ends = Instant::now().checked_add(grace_after(reason, self.grace));
            self.wait_for_grace(grace_ends);
            self.stop_guests(Some(reason));
        } else {
            self.stop_guests(None);
        }
        let patience = self.save_last_checkpoint(grace_ends);
        let patience = patience.max(self.finish_rejects());
        self.writer.close();
        self.wait_for_writer(patience);
    }

    /// Lets tasks end by themselves until the grace is over.
    fn wait_for_grace(&mut self, ends: Option<Instant>) {
        loop {
            let left = ends.map_or(ASK_AGAIN, |end| end.saturating_duration_since(Instant::now()));
            // Guests that the reader calls send no message when they end. The reader does, a little later.
            if !(self.has_guests() || self.tasks.input == InputState::Generated) || left.is_zero() {
                return;
            }
            if self.tasks.input == InputState::Read && self.stages.reader_calls_guest() {
                self.tasks.input = InputState::Generated;
            }
            if let Some(message) = self.receive_within(left.min(ASK_AGAIN)) {
                self.handle(message);
            }
        }
    }

    /// Stops all guests, and waits until they have ended, or after an interrupt for a short time.
    fn stop_guests(&mut self, cancelled: Option<CancelReason>) {
        let mut deadline = None;
        if let Some(reason) = cancelled {
            self.stages.stop(StopReason::Cancelled(reason));
            deadline = Some(Instant::now() + STOPPED_GUESTS);
        }
        while self.has_guests() {
            let left = deadline.map_or(ASK_AGAIN, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return;
            }
            match self.receive_within(left.min(ASK_AGAIN)) {
                Some(message) => self.handle(message),
                None => self.stages.current().stop.raise_epoch(),
            }
        }
    }

    /// If the run can be resumed, waits until all complete outputs are written and a checkpoint of them is saved. Returns the
    /// time that the writer has for the rest.
    fn save_last_checkpoint(&mut self, grace_ends: Option<Instant>) -> Duration {
        if self.checkpoints.is_none() {
            return LAST_WRITES;
        }
        let is_interrupted = matches!(self.end, Some(RunOutcome::Interrupted(..)));
        let grace = grace_ends.map_or(Duration::ZERO, |end| end.saturating_duration_since(Instant::now()));
        let patience = if is_interrupted { LAST_CHECKPOINT.max(grace) } else { CHECKPOINT_OF_FAILED };
        let deadline = Instant::now() + patience;
        if is_interrupted {
            self.writer.pause_writeback();
        }
        self.wait_for_writes(deadline);
        let running_for = self.totals.running_for();
        let has_checkpoint = self.totals.has_checkpoint();
        let is_worth = |it: &CheckpointSchedule| it.is_worth_saving(has_checkpoint, running_for);
        if self.writer.is_idle() && self.checkpoints.as_ref().is_some_and(is_worth) {
            let is_prompt = is_interrupted && runs::recognises_restarts();
            if is_prompt {
                self.save_checkpoint(Durability::Written);
                self.wait_for_writes(deadline);
            }
            // A sync that has begun cannot be ended, and the process would wait for it.
            let left = deadline.saturating_duration_since(Instant::now());
            let is_in_time = !self.is_saving() && self.writer.can_sync_within(left);
            if is_in_time && (!is_prompt || !grace.is_zero()) {
                self.save_checkpoint(Durability::OnDisk);
                self.wait_for_writes(deadline);
            }
        }
        deadline.saturating_duration_since(Instant::now())
    }

    fn is_saving(&self) -> bool {
        self.checkpoints.as_ref().is_some_and(CheckpointSchedule::is_saving)
    }

    /// Waits until all outputs are written that are next in order, and no checkpoint is being saved.
    fn wait_for_writes(&mut self, deadline: Instant) {
        loop {
            self.order_writes();
            let is_done = self.writer.is_idle() && !self.tasks.outputs.has_next() && !self.is_saving();
            let left = deadline.saturating_duration_since(Instant::now());
            if is_done || self.writer.has_exited() || left.is_zero() {
                return;
            }
            if let Some(message) = self.receive_within(left) {
                self.handle(message);
            }
        }
    }

    /// If too many rows were rejected, orders the reject file to be finished, with the rows of outputs after a missing one.
    /// Returns the time that this may take.
    fn finish_rejects(&mut self) -> Duration {
        if !matches!(self.end, Some(RunOutcome::TooManyRejects)) {
            return Duration::ZERO;
        }
        // A checkpoint that takes too long may still be saved.
        let can_be_resumed = self.totals.has_checkpoint() || self.is_saving();
        self.checkpoints.iter_mut().for_each(CheckpointSchedule::close);
        for in_flight in self.tasks.outputs.take_rest() {
            self.writer.write(in_flight);
        }
        let file = if can_be_resumed { RejectFile::Copied } else { RejectFile::Moved };
        self.writer.order(Order::FinishRejects(file));
        REJECTS
    }

    /// Ends the use of files and guests, as far as that can be done without waiting for other processes.
    pub(super) fn release(&mut self) {
        if self.writer.hold() {
            self.wait_for_writer(LAST_ROW);
        }
        self.writer.count_delivered(&mut self.totals.report().sinks);
        self.writer.remove_files();
        // If some outputs are in their places, the others have to follow.
        if self.writer.is_placing() {
            self.wait_for_writer(PLACING);
        }
        if self.has_guests() {
            self.stages.current().sandbox.see_out();
        }
    }

    fn wait_for_writer(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while !self.writer.has_exited() {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(message) = self.receive_within(left) else { return };
            self.handle(message);
        }
    }

    /// Whether tasks or calls of guests on the reader's thread have not ended.
    fn has_guests(&self) -> bool {
        self.tasks.running > 0 || self.stages.reader_calls_guest()
    }
}
