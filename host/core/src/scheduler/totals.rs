//! The numbers of a run, and the events that report them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::Event;
use crate::failure::Failure;
use crate::model_client::ModelClient;
use crate::policy::MaxRejects;
use crate::report::{Report, Resumable, StepReport};
use crate::stage::TaskOutput;

/// Counts rows as they are written. The only owner of the run's report.
pub(super) struct Totals {
    report: Report,
    bytes_read: u64,
    started: Instant,
    /// Time that earlier processes took.
    elapsed_before: Duration,
    /// The models that steps ask.
    models: Vec<Arc<ModelClient>>,
}

impl Totals {
    pub(super) fn new(report: Report, models: Vec<Arc<ModelClient>>) -> Self {
        Self { elapsed_before: report.elapsed, report, bytes_read: 0, started: Instant::now(), models }
    }

    /// The numbers so far, with the time until now.
    pub(super) fn report(&mut self) -> &mut Report {
        self.report.elapsed = self.elapsed_before + self.started.elapsed();
        if !self.models.is_empty() {
            self.report.models = self.models.iter().map(|model| model.usage()).collect();
        }
        &mut self.report
    }

    /// Whether the run has models.
    pub(super) fn has_models(&self) -> bool {
        !self.models.is_empty()
    }

    /// Whether models answer some requests later.
    pub(super) fn has_deferred_requests(&self) -> bool {
        self.models.iter().any(|model| model.has_deferred())
    }

    /// Whether models were asked since the report was last made.
    pub(super) fn has_news_of_models(&self) -> bool {
        let reported = &self.report.models;
        self.models.len() != reported.len()
            || self.models.iter().zip(reported).any(|(model, reported)| model.usage() != *reported)
    }

    /// Time since this process started the run.
    pub(super) fn running_for(&self) -> Duration {
        self.started.elapsed()
    }

    /// Counts an output that was written.
    pub(super) fn add_output(&mut self, output: &TaskOutput) {
        output.count(&mut self.report);
    }

    /// Counts a call of a step outside of tasks.
    pub(super) fn add_call(&mut self, step: usize, report: &StepReport) {
        self.report.steps[step].add(report);
    }

    /// Notes how many bytes of the input files are read, if the item says so.
    pub(super) fn set_bytes_read(&mut self, bytes: Option<u64>) {
        self.bytes_read = bytes.unwrap_or(self.bytes_read);
    }

    /// Notes that a checkpoint with the present numbers of rows was saved.
    pub(super) fn set_resumable(&mut self, run: &Arc<str>, rows: u64) {
        self.report.resumable = Some(Resumable { run: Arc::clone(run), rows });
    }

    /// Whether there is a checkpoint, of this process or an earlier one.
    pub(super) fn has_checkpoint(&self) -> bool {
        self.report.resumable.is_some()
    }

    /// Whether more rows were rejected than allowed. Shares are only compared at the end of the input.
    pub(super) fn exceeds(&self, max: Option<MaxRejects>, at_end: bool) -> bool {
        max.is_some_and(|max| max.is_exceeded(self.report.rejected(), self.report.rows_in, at_end))
    }
}

/// Sends events of one run to the caller.
pub(super) struct EventSender<'a> {
    pub(super) run: Arc<str>,
    pub(super) listener: &'a (dyn Fn(&Event<'_>) + Sync),
}

impl EventSender<'_> {
    pub(super) fn progress(&self, totals: &mut Totals) {
        let bytes_read = totals.bytes_read;
        (self.listener)(&Event::Progress { report: totals.report(), bytes_read });
    }

    pub(super) fn rejected(&self, mut failure: Failure) {
        failure.run = Some(Arc::clone(&self.run));
        (self.listener)(&Event::Rejected { failure: &failure });
    }
}
