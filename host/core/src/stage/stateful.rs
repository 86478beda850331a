//! A step with one instance for all its rows: a source or an aggregate.

use std::sync::Arc;

use super::Stage;
use super::reject::Rejected;
use super::step::answered;
use crate::batch::StepOutput;
use crate::batch::{Checked, Lowered, OutputOf, Rows, check};
use crate::call::lower;
use crate::engine::State;
use crate::engine::bindings;
use crate::engine::bindings::types::{Batch, Output, StepError};
use crate::failure::Failure;
use crate::plan::Step;
use crate::policy::Then;
use crate::report::StepReport;
use crate::result_cache::{CallLog, Key};
use crate::sandbox::{CallOptions, Session};

/// The calls of the step, from the first to the last: made by its instance, or played from a tape that an earlier run made.
///
/// The instance, from its first call to its last. Every call is made under a time limit of its own, which does not run
/// while nobody calls. After a failure there are no more calls: what the instance knew is lost.
pub(crate) struct StatefulStep {
    step: Arc<Step>,
    session: Session,
    call_log: CallLog,
    bound: bool,
    /// Batches so far, for failures.
    batch: u64,
}

impl StatefulStep {
    /// `key` is made of all that the step will be given, for steps whose outputs are kept.
    pub(crate) fn new(step: &Arc<Step>, stage: &Stage, key: Option<&Key>, report: &mut StepReport) -> Self {
        let call_log = key.map_or(CallLog::Off, |key| stage.outputs.call_log(key, &step.signature));
        // A session makes its instance in its first call, and a tape that plays leaves it no call.
        report.instances += u64::from(!matches!(call_log, CallLog::CallReplay(_)));
        let terms = CallOptions { limits: &step.limits, stop: &stage.stop, seed: 0 };
        let session = Session::new(&stage.sandbox, &terms);
        Self { step: Arc::clone(step), session, call_log, bound: false, batch: 0 }
    }

    /// Hands over a batch. What the step refuses of it comes back beside what it makes.
    ///
    /// # Errors
    /// The step fails, or refuses a row that its policy does not reject.
    pub(crate) fn process(
        &mut self,
        stage: &Stage,
        rows: &Rows,
        report: &mut StepReport,
    ) -> Result<(Checked, Vec<Rejected>), Box<Failure>> {
        let (step, batch) = (Arc::clone(&self.step), self.batch);
        self.batch += 1;
        let played = match &mut self.call_log {
            CallLog::CallReplay(call_log) => Some(call_log.next(OutputOf::Batch(rows.count()))),
            CallLog::Off | CallLog::CallRecorder(_) => None,
        };
        let made = match played {
            Some(Ok(Some(made))) => {
                report.cached += 1;
                made
            }
            Some(Ok(None)) => return Err(self.named(unreadable(&std::io::ErrorKind::UnexpectedEof.into()))),
            Some(Err(error)) => return Err(self.named(unreadable(&error))),
            None => self.processed(stage, rows, batch)?,
        };
        let mut rejected = Vec::with_capacity(made.refused.len());
        for refused in made.refused {
            let row = refused.row as usize;
            let mut failure = Box::new(refused.failure);
            failure.batch = Some(batch);
            failure.row = rows.place(row);
            failure = self.named(failure);
            if step.on_failure.then() == Then::Stop {
                self.session.said().tell(&mut failure);
                return Err(failure);
            }
            stage.reject_counter.reject();
            rejected.push(Rejected::new(rows, row, *failure));
        }
        Ok((made.output, rejected))
    }

    /// Hands a batch to the instance.
    fn processed(&mut self, stage: &Stage, rows: &Rows, batch: u64) -> Result<StepOutput, Box<Failure>> {
        let step = Arc::clone(&self.step);
        let range = 0..rows.count();
        let made = lower(&step, rows, &range).and_then(|lowered| {
            let columns: Vec<_> = lowered.iter().map(Lowered::column).collect();
            let input = Batch { rows: rows.count() as u32, columns: &columns };
            let call = async |store: &mut wasmtime::Store<State>, instance: &bindings::Step| {
                instance.stillbox_step_guest().call_process(store, input).await
            };
            let placed = |mut failure: Box<Failure>| {
                failure.row = failure.row.and_then(|row| rows.place(row.index as usize));
                failure
            };
            let answer = self.call(stage, call).map_err(placed)?;
            let output = answered(answer, self.session.said())?;
            self.checked(output, OutputOf::Batch(rows.count())).map_err(placed)
        });
        let made = made.map_err(|mut failure| {
            failure.batch = Some(batch);
            failure.first_row = rows.place(0);
            self.named(failure)
        })?;
        let made = StepOutput::new(made, self.session.said());
        if made.is_lasting() {
            self.record(&made);
        } else {
            self.call_log = CallLog::Off;
        }
        Ok(made)
    }

    /// What the step makes next, or none when there is no more.
    ///
    /// # Errors
    /// The step fails.
    pub(crate) fn finish(
        &mut self,
        stage: &Stage,
        output_of: OutputOf,
        report: &mut StepReport,
    ) -> Result<Option<Checked>, Box<Failure>> {
        if let CallLog::CallReplay(call_log) = &mut self.call_log {
            let made = call_log.next(output_of).map_err(|error| self.named(unreadable(&error)))?;
            report.cached += u64::from(made.is_some());
            return Ok(made.map(|made| made.output));
        }
        let call = async |store: &mut wasmtime::Store<State>, instance: &bindings::Step| {
            instance.stillbox_step_guest().call_finish(store).await
        };
        let made = self.call(stage, call).and_then(|answer| {
            let output = answered(answer, self.session.said())?;
            output.map(|output| self.checked(output, output_of)).transpose()
        });
        let Some(output) = made.map_err(|failure| self.named(failure))? else {
            if let CallLog::CallRecorder(call_log) = std::mem::replace(&mut self.call_log, CallLog::Off)
                && let Err(error) = call_log.end()
            {
                tracing::debug!("step \"{}\": its output is not kept: {error}", self.step.name);
            }
            return Ok(None);
        };
        // From `finish` nothing is refused: there is no row to refuse.
        let made = StepOutput { output, refused: Vec::new() };
        self.record(&made);
        Ok(Some(made.output))
    }

    /// Adds what a call made to the tape. Where that is not possible, there is no tape, and nothing is lost but time.
    fn record(&mut self, made: &StepOutput) {
        if let CallLog::CallRecorder(call_log) = &mut self.call_log
            && let Err(error) = call_log.add(made)
        {
            tracing::debug!("step \"{}\": its output is not kept: {error}", self.step.name);
            self.call_log = CallLog::Off;
        }
    }

    /// Calls the instance, and binds it first if it is new.
    fn call<R>(
        &mut self,
        stage: &Stage,
        work: impl AsyncFnOnce(&mut wasmtime::Store<State>, &bindings::Step) -> wasmtime::Result<Result<R, StepError>>,
    ) -> Result<Result<R, StepError>, Box<Failure>> {
        let step = &self.step;
        let terms = CallOptions { limits: &step.limits, stop: &stage.stop, seed: 0 };
        let bound = std::mem::replace(&mut self.bound, true);
        let _calling = stage.calling();
        self.session.call(&stage.sandbox, &step.component, &terms, async |store, instance| {
            if !bound
                && let Err(error) = instance.stillbox_step_guest().call_bind(&mut *store, &step.parameters).await?
            {
                return Ok(Err(error));
            }
            work(store, instance).await
        })
    }

    fn checked(&self, output: Output, output_of: OutputOf) -> Result<Checked, Box<Failure>> {
        check(output, output_of, &self.step.signature, &self.step.limits).map_err(|mut failure| {
            self.session.said().tell(&mut failure);
            failure
        })
    }

    fn named(&self, mut failure: Box<Failure>) -> Box<Failure> {
        failure.step = Some(Arc::clone(&self.step.name));
        failure.component = Some(Arc::clone(self.step.component.digest()));
        failure
    }
}

/// A tape that was whole when it was opened.
fn unreadable(error: &std::io::Error) -> Box<Failure> {
    Box::new(Failure::host(error).with_hint("run again; what is kept is looked at anew"))
}
