//! A step with one instance for all its rows: a source or an aggregate.

use std::io;
use std::sync::Arc;

use super::history::CallHistory;
use crate::batch::{CheckedOutput, GivenRows, Rows, StepOutput};
use crate::call::{CallInput, Callee, StepInstance};
use crate::engine::DropReasons;
use crate::failure::{Failure, FailureContext};
use crate::instance_log::InstanceLog;
use crate::plan::Step;
use crate::policy::Then;
use crate::report::StepReport;
use crate::result_cache::{CacheKey, CallLog};
use crate::stage::{RejectRecord, Stage};

/// All calls of the step, from the first to the last: made by its instance, or replayed from the log of an earlier run.
///
/// Every call has a time limit of its own, which does not run between calls. After a failure there are no more calls,
/// because the state of the instance is lost.
pub(super) struct StatefulStep {
    step: Arc<Step>,
    instance: StepInstance,
    log: CallLog,
    /// Batches so far, for failures.
    batch: u64,
    /// The calls so far, if failures have bundles.
    history: Option<CallHistory>,
}

impl StatefulStep {
    /// `key` covers everything that the step will be given, for steps whose results are cached.
    pub(super) fn new(step: &Arc<Step>, stage: &Stage, key: Option<&CacheKey>, report: &mut StepReport) -> Self {
        let log = key.map_or(CallLog::Off, |key| stage.result_cache.call_log(key, &step.signature));
        // An instance is created in its first call, and a log that is replayed leaves it none.
        report.instances += u64::from(!matches!(log, CallLog::Replay(_)));
        let callee = Callee { step, sandbox: &stage.sandbox, stop: &stage.stop };
        let history = stage.bundles.as_ref().map(|_| CallHistory::default());
        let recorded = history.as_ref().map(|_| InstanceLog::record());
        Self { instance: StepInstance::with_log(callee, 0, recorded), step: Arc::clone(step), log, batch: 0, history }
    }

    /// Processes a batch. Returns the output, and the rows that the step rejected.
    ///
    /// # Errors
    /// The step fails, or rejects a row and its policy does not allow that.
    pub(super) fn process(
        &mut self,
        stage: &Stage,
        rows: &Rows,
        report: &mut StepReport,
    ) -> Result<(CheckedOutput, Vec<RejectRecord>), Box<Failure>> {
        let context = self.context(stage, Some((self.batch, rows)));
        self.batch += 1;
        if let Some(history) = &mut self.history {
            history.add(rows);
        }
        let output = self.try_process(stage, rows, report).map_err(|failure| context.apply_to(failure));
        let output = output.inspect_err(|failure| self.write_bundle(stage, failure))?;
        let mut rejected = Vec::with_capacity(output.rejections.len());
        for rejection in output.rejections {
            let row = rejection.row as usize;
            let mut failure = context.apply_to(Box::new(rejection.failure));
            failure.row = rows.place(row);
            if self.step.on_failure.then() == Then::Stop {
                self.instance.captured().attach_to(&mut failure);
                self.write_bundle(stage, &failure);
                return Err(failure);
            }
            stage.reject_counter.reject(1);
            rejected.push(RejectRecord::new(rows, row, *failure, rejected.len()));
        }
        Ok((output.output, rejected))
    }

    fn try_process(&mut self, stage: &Stage, rows: &Rows, report: &mut StepReport) -> Result<StepOutput, Box<Failure>> {
        if let CallLog::Replay(log) = &mut self.log {
            let output = log.next(GivenRows::Batch(rows.count())).map_err(|error| unreadable(&error))?;
            report.cached += 1;
            return output.ok_or_else(|| unreadable(&io::ErrorKind::UnexpectedEof.into()));
        }
        let input = CallInput::new(&self.step, rows, 0..rows.count())?;
        let callee = Callee { step: &self.step, sandbox: &stage.sandbox, stop: &stage.stop };
        let guard = stage.count_guest_call();
        self.instance.set_batch(self.batch);
        let output = self.instance.process(callee, &input);
        report.note_memory(self.instance.peak_memory());
        let output = output?;
        drop(guard);
        if output.is_lasting() {
            self.record(&output);
        } else {
            self.log = CallLog::Off;
        }
        Ok(output)
    }

    /// Returns the step's next rows, or `None` when there are no more.
    ///
    /// # Errors
    /// The step fails.
    pub(super) fn finish(
        &mut self,
        stage: &Stage,
        given: GivenRows,
        report: &mut StepReport,
    ) -> Result<Option<CheckedOutput>, Box<Failure>> {
        let context = self.context(stage, None);
        if let Some(history) = &mut self.history {
            history.finishes += 1;
        }
        let output = self.try_finish(stage, given, report).map_err(|failure| context.apply_to(failure));
        output.inspect_err(|failure| self.write_bundle(stage, failure))
    }

    fn try_finish(
        &mut self,
        stage: &Stage,
        given: GivenRows,
        report: &mut StepReport,
    ) -> Result<Option<CheckedOutput>, Box<Failure>> {
        if let CallLog::Replay(log) = &mut self.log {
            let output = log.next(given).map_err(|error| unreadable(&error))?;
            report.cached += u64::from(output.is_some());
            return Ok(output.map(|output| output.output));
        }
        let callee = Callee { step: &self.step, sandbox: &stage.sandbox, stop: &stage.stop };
        let guard = stage.count_guest_call();
        let output = self.instance.finish(callee, given)?;
        drop(guard);
        let Some(output) = output else {
            if let CallLog::Record(log) = std::mem::replace(&mut self.log, CallLog::Off)
                && let Err(error) = log.end()
            {
                tracing::debug!("step \"{}\": its output is not cached: {error}", self.step.name);
            }
            return Ok(None);
        };
        // `finish` rejects nothing: it is given no rows.
        let output = StepOutput { output, rejections: Vec::new(), reasons: DropReasons::default() };
        self.record(&output);
        Ok(Some(output.output))
    }

    /// Adds a call's output to the log. If that fails, the log is given up, and the run continues without it.
    fn record(&mut self, output: &StepOutput) {
        if let CallLog::Record(log) = &mut self.log
            && let Err(error) = log.add(output)
        {
            tracing::debug!("step \"{}\": its output is not cached: {error}", self.step.name);
            self.log = CallLog::Off;
        }
    }

    /// Writes the bundle of a failure that ends the run.
    fn write_bundle(&self, stage: &Stage, failure: &Failure) {
        let (Some(bundles), Some(history)) = (&stage.bundles, &self.history) else { return };
        let log = self.instance.log().map(InstanceLog::content).unwrap_or_default();
        match history.failed_call(&self.step, log) {
            Some(call) => bundles.write(&call, failure),
            None => bundles.too_many_rows(failure),
        }
    }

    fn context(&self, stage: &Stage, batch: Option<(u64, &Rows)>) -> FailureContext {
        let callee = Callee { step: &self.step, sandbox: &stage.sandbox, stop: &stage.stop };
        callee.context(batch.map(|(batch, _)| batch), batch.map(|(_, rows)| rows))
    }
}

/// The failure of a log that was complete when it was opened.
fn unreadable(error: &io::Error) -> Box<Failure> {
    Box::new(Failure::host(error).with_hint("run again; the cache checks its entries when they are opened"))
}
