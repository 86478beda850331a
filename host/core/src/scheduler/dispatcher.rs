//! The dispatcher: owns the state of a run.

mod burst;
mod in_turn;
mod tasks;
mod wind_down;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::accepted::AcceptedRows;
use super::checkpoints::CheckpointSchedule;
use super::in_flight::{InFlight, Permits, SmallItems};
use super::message::{CheckpointResult, Message, WriteEnd, send};
use super::reader::{Checksums, ReaderContext};
use super::stages::StageSequence;
use super::totals::{EventSender, Totals};
use super::writer::Order;
use super::writer_handle::WriterHandle;
use super::{RunOutcome, ScheduledRun};
use crate::failure::{Failure, FailureKind};
use crate::interrupt::{CancelReason, Interrupt, Stop, StopReason};
use crate::policy::MaxRejects;
use crate::report::Report;
use crate::runs::ResumePoint;
use crate::sink::Writer;
use crate::writeback::Durability;
use burst::Burst;
use tasks::{InputState, Tasks};

/// The number of a failure of the input itself.
const AFTER_ALL_ITEMS: u64 = u64::MAX;

/// While a batch waits for models, their requests are reported after this time without another message.
const MODELS_EVERY: Duration = Duration::from_secs(1);
/// Time after which guests that were stopped are asked again, because one may have missed the first request.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// Runs all stages on this thread and those that it starts, each over its whole input.
///
/// When it returns, no task is running and no file is being written, except after an interrupt: the reader may be blocked
/// in a read, the writer in a write, and guests may still be on their way to their end. None of them touches an output
/// file any more.
pub(crate) fn run(run: ScheduledRun<'_>) -> (RunOutcome, Report) {
    let (messages, inbox) = channel();
    let stop = run.stages.first().map(|stage| stage.stage.stop.clone()).unwrap_or_default();
    listen(run.interrupt, stop, run.grace, messages.clone());
    // With `until`, what is processed beyond the last row is lost. A writer that needs the threads would wait for tasks that wait for it.
    let is_usual = run.accepted.is_some() || run.files.sinks.iter().any(Writer::uses_threads);
    let small_items = if is_usual { SmallItems::Usual } else { SmallItems::Fewer };
    let (writer, started) = WriterHandle::start(run.files, &messages);
    let readers = ReaderContext {
        permits: Arc::new(Permits::new(run.pool.current_num_threads(), small_items)),
        pool: run.pool,
        messages,
        checksums: if run.checkpoints.is_some() { Checksums::Computed } else { Checksums::Unused },
    };
    let mut dispatcher = Dispatcher {
        inbox,
        burst: Burst::default(),
        stages: StageSequence::new(run.stages, readers),
        tasks: Tasks::new(run.from.next),
        writer,
        checkpoints: run.checkpoints.map(|settings| CheckpointSchedule::new(settings, run.from)),
        totals: Totals::new(run.report, run.models),
        accepted: run.accepted,
        max_rejects: run.max_rejects,
        grace: run.grace,
        events: EventSender { run: run.id, listener: run.on_event },
        end: None,
    };
    match started {
        Ok(()) => {
            dispatcher.start_stage(run.from);
            dispatcher.end_input_if_enough();
        }
        Err(error) => dispatcher.fail(Box::new(Failure::host(&error))),
    }
    dispatcher.run()
}

/// Sends the interrupt to the dispatcher. All stages of a run have the same stop.
fn listen(interrupt: &Interrupt, stop: Stop, grace: Duration, messages: Sender<Message>) {
    interrupt.on_trigger(move |reason| {
        // Without grace the guests are stopped here. The dispatcher would do the same, but it has to wait for its turn on a
        // core while the guests hold all of them.
        if grace_after(reason, grace).is_zero() {
            stop.stop(StopReason::Cancelled(reason));
        }
        send(&messages, Message::Cancelled(reason));
    });
}

/// The time that batches in flight have after a cancel. The time limit of a run has none.
fn grace_after(reason: CancelReason, grace: Duration) -> Duration {
    if matches!(reason, CancelReason::TimeLimit(_)) { Duration::ZERO } else { grace }
}

struct Dispatcher<'a> {
    inbox: Receiver<Message>,
    burst: Burst,
    stages: StageSequence,
    tasks: Tasks,
    writer: WriterHandle,
    /// `None` if the run cannot be resumed.
    checkpoints: Option<CheckpointSchedule>,
    totals: Totals,
    /// `None` if all rows are wanted.
    accepted: Option<AcceptedRows>,
    max_rejects: Option<MaxRejects>,
    grace: Duration,
    events: EventSender<'a>,
    /// Set once it is known how the run ends. From then on the run only winds down.
    end: Option<RunOutcome>,
}

impl Dispatcher<'_> {
    fn run(mut self) -> (RunOutcome, Report) {
        while self.end.is_none() {
            let message = self.receive();
            self.handle(message);
        }
        if !matches!(self.end, Some(RunOutcome::Done)) {
            self.wind_down();
        }
        self.release();
        let report = std::mem::take(self.totals.report());
        (self.end.unwrap_or(RunOutcome::Done), report)
    }

    /// Waits for the next message, and orders checkpoints and reports what models do meanwhile.
    fn receive(&mut self) -> Message {
        self.save_checkpoint_if_due();
        if let Some(message) = self.burst.next(&self.inbox, self.stages.are_many(self.tasks.running)) {
            return message;
        }
        loop {
            self.save_checkpoint_if_due();
            // While outputs are unwritten, a checkpoint has to wait for the message that they are.
            let due_in =
                self.checkpoints.as_ref().filter(|_| self.writer.is_idle()).and_then(CheckpointSchedule::due_in);
            let report_in = self.totals.has_models().then_some(MODELS_EVERY);
            let ask_in = self.is_draining().then_some(ASK_AGAIN);
            match due_in.into_iter().chain(report_in).chain(ask_in).min() {
                None => return self.inbox.recv().expect("the dispatcher itself holds a sender"),
                Some(time) => {
                    if let Some(message) = self.receive_within(time) {
                        return message;
                    }
                    if ask_in.is_some() {
                        self.stages.current().stop.raise_epoch();
                    }
                    if self.totals.has_news_of_models() {
                        self.events.progress(&mut self.totals);
                    }
                }
            }
        }
    }

    /// Waits for the next message for at most this long.
    fn receive_within(&mut self, time: Duration) -> Option<Message> {
        self.save_checkpoint_if_due();
        match self.inbox.recv_timeout(time) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => unreachable!("the dispatcher itself holds a sender"),
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::TaskStarted { bytes_read } => {
                self.tasks.running += 1;
                self.totals.set_bytes_read(bytes_read);
            }
            Message::ItemSkipped { bytes_read } => {
                self.totals.set_bytes_read(bytes_read);
                self.events.progress(&mut self.totals);
            }
            Message::StepCalled { step, report } => {
                self.tasks.input = InputState::Generated;
                self.totals.add_call(step, &report);
                self.checkpoints.iter_mut().for_each(|checkpoints| checkpoints.step_called(step));
                self.events.progress(&mut self.totals);
            }
            Message::InputEnded(result) => self.input_ended(result),
            Message::TaskEnded(number, result) => self.task_ended(number, result),
            Message::Written(in_flight) => self.written(*in_flight),
            Message::StageFlushed => self.stage_flushed(),
            Message::CheckpointTried(result) => self.checkpoint_tried(result),
            Message::WritingEnded(result) => self.writing_ended(result),
            Message::WriterExited => self.writer.exited(),
            Message::Cancelled(reason) => {
                self.end.get_or_insert_with(|| RunOutcome::Interrupted(reason, Vec::new()));
                self.stages.close();
            }
        }
    }

    fn input_ended(&mut self, result: Result<(), Box<Failure>>) {
        self.tasks.input = InputState::Ended;
        if let Err(failure) = result {
            self.fail_in_turn(AFTER_ALL_ITEMS, failure);
        }
        self.fail_if_due();
        self.end_stage_if_written();
    }

    fn task_ended(&mut self, number: u64, result: Result<Box<InFlight>, Box<Failure>>) {
        self.tasks.running -= 1;
        match result {
            Ok(_) if self.has_enough() || self.tasks.first_deferred.is_some_and(|first| number > first) => {}
            Err(failure) if self.stages.current().is_deferral(&failure) => self.tasks.defer(number),
            Ok(in_flight) => self.tasks.outputs.push(number, in_flight),
            Err(failure) => self.fail_in_turn(number, failure),
        }
        self.order_writes();
        self.end_stage_if_written();
        if self.end.is_none() && self.stages.current().reject_counter.is_exceeded() {
            self.stop(RunOutcome::TooManyRejects);
        }
    }

    fn written(&mut self, in_flight: InFlight) {
        self.writer.written();
        self.stages.set_next(in_flight.batch + 1);
        self.checkpoints.iter_mut().for_each(|checkpoints| checkpoints.written(&in_flight));
        self.totals.add_output(&in_flight.output);
        for rejected in in_flight.output.rejected {
            self.events.rejected(rejected.failure);
        }
        self.events.progress(&mut self.totals);
        if self.end.is_none() && self.totals.exceeds(self.max_rejects, false) {
            self.stop(RunOutcome::TooManyRejects);
        }
        self.order_writes();
        self.end_stage_if_written();
    }

    fn stage_flushed(&mut self) {
        self.checkpoints.iter_mut().for_each(CheckpointSchedule::stage_ended);
        if self.end.is_none() {
            self.start_stage(ResumePoint::default());
        }
    }

    fn checkpoint_tried(&mut self, result: CheckpointResult) {
        let rows = self.checkpoints.as_mut().and_then(CheckpointSchedule::tried);
        if let (Some(rows), CheckpointResult::Saved) = (rows, result) {
            self.totals.set_resumable(&self.events.run, rows);
        }
    }

    fn writing_ended(&mut self, result: Result<(), WriteEnd>) {
        match result {
            // A signal during the renames comes too late to stop anything.
            Ok(()) if matches!(self.end, None | Some(RunOutcome::Interrupted(..))) => self.end = Some(RunOutcome::Done),
            Ok(()) => {}
            Err(WriteEnd::Closed) => self.stop(RunOutcome::OutputClosed),
            Err(WriteEnd::Failed(failure)) => self.fail(failure),
        }
    }

    /// Orders all outputs to be written that are next in order. A checkpoint that is due goes first: it counts exactly the
    /// outputs that are written, so no further output is ordered until the writer has nothing left to write.
    fn order_writes(&mut self) {
        self.save_checkpoint_if_due();
        while !self.checkpoints.as_ref().is_some_and(CheckpointSchedule::is_due)
            && !self.has_enough()
            && let Some(mut in_flight) = self.tasks.outputs.pop()
        {
            if let Err(failure) = self.count_accepted(&mut in_flight.output) {
                return self.fail(failure);
            }
            self.writer.write(in_flight);
            self.end_input_if_enough();
        }
        self.fail_if_due();
    }

    fn save_checkpoint_if_due(&mut self) {
        if self.writer.is_idle() && self.checkpoints.as_ref().is_some_and(CheckpointSchedule::is_due) {
            self.save_checkpoint(Durability::OnDisk);
        }
    }

    fn save_checkpoint(&mut self, durability: Durability) {
        if let Some(checkpoints) = &mut self.checkpoints {
            let report = self.totals.report();
            let checkpoint = checkpoints.checkpoint(&self.events.run, report);
            checkpoints.saving(report.rows_in);
            self.writer.order(Order::SaveCheckpoint(Box::new(checkpoint), durability));
        }
    }

    fn end_stage_if_written(&mut self) {
        // The reader and the tasks may hear of a stop before this thread does, and then end without all of their outputs.
        let is_stopped = self.end.is_some() || !self.has_enough() && self.stages.current().stop.reason().is_some();
        if is_stopped || !self.tasks.have_ended() || !self.writer.is_idle() {
            return;
        }
        if self.totals.has_deferred_requests() {
            self.stop(RunOutcome::Waiting);
        } else if self.totals.exceeds(self.max_rejects, true) {
            self.stop(RunOutcome::TooManyRejects);
        } else if self.accepted.is_some() && !self.has_enough() {
            self.stop(RunOutcome::TooFewRows);
        } else if self.stages.is_last() {
            self.finish_files();
        } else {
            self.writer.order(Order::EndStage);
        }
    }

    fn finish_files(&mut self) {
        self.checkpoints.iter_mut().for_each(CheckpointSchedule::stage_ended);
        // A run that had none before is so short that it needs none for its last milliseconds.
        let checkpoints = self.checkpoints.as_ref().filter(|_| self.totals.has_checkpoint());
        let checkpoint = checkpoints.map(|it| Box::new(it.checkpoint(&self.events.run, self.totals.report())));
        self.writer.order(Order::Finish(checkpoint));
    }

    fn start_stage(&mut self, from: ResumePoint) {
        self.tasks = Tasks::new(from.next);
        if let Err(error) = self.stages.start_next(from) {
            self.fail(Box::new(Failure::host(&error)));
        }
    }

    /// Ends the run with a failure. One during the grace after an interrupt is added to the outcome, and the other tasks
    /// still have the rest of the grace.
    fn fail(&mut self, mut failure: Box<Failure>) {
        // The task was stopped, for a reason that is known already.
        if failure.kind == FailureKind::Interrupted {
            return;
        }
        failure.run = Some(Arc::clone(&self.events.run));
        failure.redact(&self.stages.current().redactor);
        if let Some(RunOutcome::Failed(failures) | RunOutcome::Interrupted(_, failures)) = &mut self.end {
            failures.push(*failure);
            failures.sort_by_key(|failure| failure.batch);
        } else {
            self.stop(RunOutcome::Failed(vec![*failure]));
        }
    }

    /// Stops all instances. The first outcome counts.
    fn stop(&mut self, end: RunOutcome) {
        self.end.get_or_insert(end);
        self.stages.stop(StopReason::Sibling);
    }
}
