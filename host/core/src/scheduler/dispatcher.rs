//! The dispatcher: owns the state of a run. Everyone else tells it what happened.

mod wind_down;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rayon::ThreadPool;
use tokio::sync::Semaphore;

use super::in_flight::{InFlight, semaphore};
use super::message::Message;
use super::reader::{Checksums, InputReaders, Reading};
use super::reorder_buffer::ReorderBuffer;
use super::writer::{self, Files, Order, WriteEnd};
use crate::event::Event;
use crate::failure::{Failure, FailureKind};
use crate::interrupt::{Interrupt, Signal, StopReason};
use crate::policy::MaxRejects;
use crate::report::{Report, Resumable};
use crate::runs::ResumePoint;
use crate::stage::Stage;

/// What a run needs.
pub(crate) struct Run<'a> {
    /// In the order in which they run, at least one; those that an earlier process has done are left out.
    pub(crate) stages: Vec<RunStage>,
    pub(crate) files: Files,
    pub(crate) pool: Arc<ThreadPool>,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) on_event: &'a (dyn Fn(&Event<'_>) + Sync),
    /// With names, and zeros or what an earlier process did.
    pub(crate) report: Report,
    /// Where that process stopped.
    pub(crate) from: ResumePoint,
    /// The run's id, for its failures.
    pub(crate) id: Arc<str>,
    /// More rejected rows than this end the run.
    pub(crate) max_rejects: Option<MaxRejects>,
    /// How long batches in flight may go on after an interrupt.
    pub(crate) grace: Duration,
}

/// A stage, and what it reads.
pub(crate) struct RunStage {
    pub(crate) stage: Arc<Stage>,
    pub(crate) input_readers: InputReaders,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum RunOutcome {
    /// All is written.
    Done,
    /// Whoever reads the standard output has gone, so nothing more is of use.
    OutputClosed,
    /// Something failed; the failures in the order of their batches.
    Failed(Vec<Failure>),
    /// More rows were rejected than the caller allows.
    TooManyRejects,
    /// The caller asked; with what failed before the tasks had ended, in the order of the batches.
    Interrupted(Signal, Vec<Failure>),
}

/// Runs all stages, each over its whole input, and returns when nothing of it is running any more.
///
/// After an interrupt some threads may outlive it: the reader, if it waits for input that never comes, the writer, if
/// it waits for a reader of its output, and those whose guests are being ended. None of them touches a file any more.
pub(crate) fn run(run: Run<'_>) -> (RunOutcome, Report) {
    let permits = semaphore(run.pool.current_num_threads());
    let (messages, inbox) = channel();
    let (orders, ordered) = channel();
    let mut later: VecDeque<RunStage> = run.stages.into();
    let first = later.pop_front().expect("every pipeline has a stage");
    run.interrupt.on_trigger({
        // All stages have the same stop.
        let (messages, stop, grace) = (messages.clone(), first.stage.stop.clone(), run.grace);
        move |signal| {
            // Without grace at once: while guests hold all cores, it is long until the dispatcher gets its turn.
            if grace.is_zero() {
                stop.stop(StopReason::Signal(signal));
            }
            let _ = messages.send(Message::Interrupted(signal));
        }
    });
    let files = run.files;
    let entries = files.entries.clone();
    let keeps = files.keeping.is_some();
    let checksums = if keeps { Checksums::Computed } else { Checksums::Unused };
    let delivered = files.delivered();
    let started = spawn("writer", {
        let messages = messages.clone();
        move || writer::run(files, &ordered, &messages)
    });
    let mut dispatcher = Dispatcher {
        stage: Arc::clone(&first.stage),
        later,
        pool: run.pool,
        // The reader's and the writer's messages come until they end; nobody waits for the channel to close.
        messages,
        permits,
        orders: Some(orders),
        on_event: run.on_event,
        id: run.id,
        max_rejects: run.max_rejects,
        grace: run.grace,
        keeps,
        started: Instant::now(),
        elapsed_before: run.report.elapsed,
        report: run.report,
        checksums,
        reorder_buffer: ReorderBuffer::from(0),
        in_flight: 0,
        unwritten: 0,
        bytes_read: 0,
        input: Input::Read,
        writer_gone: false,
        end: None,
    };
    if let Err(error) = started {
        dispatcher.writer_gone = true;
        dispatcher.fail(Box::new(Failure::host(&error)));
    } else {
        dispatcher.start(first, run.from);
    }
    dispatcher.dispatch(&inbox);
    dispatcher.hand_over_no_more(&delivered, &inbox);
    if !dispatcher.writer_gone {
        // The writer would remove them, if it ever came to it.
        entries.remove();
    }
    if entries.are_placed() {
        dispatcher.wait_until_placed(&inbox);
    }
    if dispatcher.has_guests() {
        dispatcher.stage.sandbox.see_out();
    }
    dispatcher.report.elapsed = dispatcher.elapsed();
    (dispatcher.end.unwrap_or(RunOutcome::Done), dispatcher.report)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(work).map(drop)
}

/// Where the rows of the stage come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    /// A file, or what was kept, as far as is known.
    Read,
    /// A step that makes them.
    Generated,
    /// There are no more.
    RunOutcome,
}

struct Dispatcher<'a> {
    /// The one that runs.
    stage: Arc<Stage>,
    /// Those that come after it.
    later: VecDeque<RunStage>,
    pool: Arc<ThreadPool>,
    messages: Sender<Message>,
    permits: Arc<Semaphore>,
    /// None once the writer is not to write any more.
    orders: Option<Sender<Order>>,
    on_event: &'a (dyn Fn(&Event<'_>) + Sync),
    report: Report,
    id: Arc<str>,
    max_rejects: Option<MaxRejects>,
    grace: Duration,
    /// Whether the run could go on after it has ended early.
    keeps: bool,
    started: Instant,
    /// How long earlier processes took.
    elapsed_before: Duration,
    checksums: Checksums,
    reorder_buffer: ReorderBuffer<InFlight>,
    /// Tasks that have not ended.
    in_flight: usize,
    /// Outcomes that the writer has and has not written.
    unwritten: usize,
    bytes_read: u64,
    input: Input,
    writer_gone: bool,
    /// Set as soon as it is known; from then on the run only winds down.
    end: Option<RunOutcome>,
}

impl Dispatcher<'_> {
    fn dispatch(&mut self, inbox: &Receiver<Message>) {
        // While all goes well: until the files are finished.
        while self.end.is_none() {
            if self.take(inbox.recv().expect("the dispatcher itself has a sender")) {
                return;
            }
        }
        self.wind_down(inbox);
    }

    /// Takes in what happened. True if it was the last thing to happen.
    fn take(&mut self, message: Message) -> bool {
        match message {
            Message::Read { bytes_read } => {
                self.in_flight += 1;
                self.bytes_read = bytes_read.unwrap_or(self.bytes_read);
            }
            Message::Skipped { bytes_read } => {
                self.bytes_read = bytes_read.unwrap_or(self.bytes_read);
                self.tell_progress();
            }
            Message::Checkpoint { rows } => {
                self.report.resumable = Some(Resumable { run: Arc::clone(&self.id), rows });
            }
            Message::Worked { step, report } => {
                self.input = Input::Generated;
                self.report.steps[step].add(&report);
                self.tell_progress();
            }
            Message::Kept => self.start_next(),
            Message::InputEnded(result) => {
                self.input = Input::RunOutcome;
                if let Err(failure) = result {
                    self.fail(failure);
                }
                self.finish_if_all_is_written();
            }
            Message::Done { batch, result } => {
                self.in_flight -= 1;
                match result {
                    Ok(outcome) => self.reorder_buffer.push(batch, outcome),
                    Err(failure) => self.fail(failure),
                }
                self.write_what_is_in_order();
                if self.end.is_none() && self.stage.reject_counter.is_exceeded() {
                    self.stop(StopReason::Sibling, RunOutcome::TooManyRejects);
                }
            }
            Message::Written(outcome) => {
                self.unwritten -= 1;
                self.count(*outcome);
                self.finish_if_all_is_written();
            }
            Message::Finished(Ok(())) => {
                // A signal that came while the last file was put in its place stops nothing any more.
                if matches!(self.end, Some(RunOutcome::Interrupted(..))) {
                    self.end = Some(RunOutcome::Done);
                }
                return true;
            }
            Message::Finished(Err(end)) => match end {
                WriteEnd::Closed => self.stop(StopReason::Sibling, RunOutcome::OutputClosed),
                WriteEnd::Failed(failure) => self.fail(failure),
            },
            Message::WriterGone => self.writer_gone = true,
            Message::Interrupted(signal) => {
                self.end.get_or_insert_with(|| RunOutcome::Interrupted(signal, Vec::new()));
                self.permits.close();
            }
        }
        false
    }

    fn write_what_is_in_order(&mut self) {
        while let Some((number, outcome)) = self.reorder_buffer.pop() {
            let next = outcome.output.is_complete.then_some(number + 1);
            self.write(outcome, next);
        }
    }

    fn write(&mut self, outcome: InFlight, next: Option<u64>) {
        let Some(orders) = &self.orders else { return };
        if orders.send(Order::Write { outcome: Box::new(outcome), next }).is_ok() {
            self.unwritten += 1;
        }
    }

    fn finish_if_all_is_written(&mut self) {
        if self.end.is_none() && self.input == Input::RunOutcome && self.in_flight == 0 && self.unwritten == 0 {
            if self.has_too_many_rejects(true) {
                self.stop(StopReason::Sibling, RunOutcome::TooManyRejects);
            } else if let Some(orders) = &self.orders {
                let report = Box::new(self.report.clone());
                let order = if self.later.is_empty() { Order::Finish(report) } else { Order::EndStage(report) };
                let _ = orders.send(order);
            }
        }
    }

    fn start_next(&mut self) {
        if let (None, Some(next)) = (&self.end, self.later.pop_front()) {
            self.start(next, ResumePoint::default());
        }
    }

    /// Starts the reader of a stage, which makes its tasks.
    fn start(&mut self, stage: RunStage, from: ResumePoint) {
        self.stage = Arc::clone(&stage.stage);
        self.reorder_buffer = ReorderBuffer::from(from.next);
        self.input = Input::Read;
        let reading = Reading {
            stage: stage.stage,
            input_readers: stage.input_readers,
            pool: Arc::clone(&self.pool),
            permits: Arc::clone(&self.permits),
            messages: self.messages.clone(),
            from,
            checksums: self.checksums,
        };
        if let Err(error) = spawn("reader", move || reading.run()) {
            self.fail(Box::new(Failure::host(&error)));
        }
    }

    fn elapsed(&self) -> Duration {
        self.elapsed_before + self.started.elapsed()
    }

    fn tell_progress(&mut self) {
        self.report.elapsed = self.elapsed();
        (self.on_event)(&Event::Progress { report: &self.report, bytes_read: self.bytes_read });
    }

    fn count(&mut self, InFlight { output: outcome, .. }: InFlight) {
        outcome.count(&mut self.report);
        for rejected in outcome.rejected {
            let mut failure = rejected.failure;
            failure.run = Some(Arc::clone(&self.id));
            (self.on_event)(&Event::Rejected { failure: &failure });
        }
        self.tell_progress();
        if self.end.is_none() && self.has_too_many_rejects(false) {
            self.stop(StopReason::Sibling, RunOutcome::TooManyRejects);
        }
    }

    fn has_too_many_rejects(&self, at_end: bool) -> bool {
        let (rejected, rows) = (self.report.rejected(), self.report.rows_in);
        self.max_rejects.is_some_and(|most| most.is_exceeded(rejected, rows, at_end))
    }

    /// A failure ends the run; those that only say so are not kept. One that comes within the grace leaves the others
    /// their time.
    fn fail(&mut self, mut failure: Box<Failure>) {
        if failure.kind == FailureKind::Interrupted {
            return;
        }
        failure.run = Some(Arc::clone(&self.id));
        if let Some(RunOutcome::Failed(failures) | RunOutcome::Interrupted(_, failures)) = &mut self.end {
            failures.push(*failure);
            failures.sort_by_key(|failure| failure.batch);
        } else {
            self.stop(StopReason::Sibling, RunOutcome::Failed(vec![*failure]));
        }
    }

    fn stop(&mut self, reason: StopReason, end: RunOutcome) {
        if self.end.is_none() {
            self.end = Some(end);
        }
        self.stage.stop.stop(reason);
        self.permits.close();
    }
}

/// The next message, or `None` if there is none within this time.
fn receive_within(inbox: &Receiver<Message>, time: Duration) -> Option<Message> {
    match inbox.recv_timeout(time) {
        Ok(message) => Some(message),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => unreachable!("the dispatcher itself has a sender"),
    }
}
