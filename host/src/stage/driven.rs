//! A step with one instance for all its rows: a source or an aggregate.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Stage;
use super::reject::Rejected;
use super::step::{answered, lower};
use crate::batch::{Checked, Lowered, MadeOf, Rows, check};
use crate::component::bindings;
use crate::component::bindings::types::{Batch, Output, StepError};
use crate::failure::{self, Failure};
use crate::plan::Step;
use crate::policy::Then;
use crate::report::StepReport;
use crate::sandbox::{Session, State, Terms};

/// The instance, from its first call to its last. Every call is made under a time limit of its own, which does not run
/// while nobody calls. After a failure there are no more calls: what the instance knew is lost.
pub(crate) struct Driven {
    step: Arc<Step>,
    session: Session,
    bound: bool,
    /// Batches so far, for failures.
    batch: u64,
}

impl Driven {
    pub(crate) fn new(step: &Arc<Step>, stage: &Stage, report: &mut StepReport) -> Self {
        report.instances += 1;
        let terms = Terms { limits: &step.limits, stop: &stage.stop, seed: 0 };
        let session = Session::new(&stage.sandbox, &terms);
        Self { step: Arc::clone(step), session, bound: false, batch: 0 }
    }

    /// Hands over a batch. What the step refuses of it comes back beside what it makes.
    ///
    /// # Errors
    /// The step fails, or refuses a row that its policy does not reject.
    pub(crate) fn process(&mut self, stage: &Stage, rows: &Rows) -> Result<(Checked, Vec<Rejected>), Box<Failure>> {
        let (step, batch) = (Arc::clone(&self.step), self.batch);
        self.batch += 1;
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
            self.checked(output, MadeOf::Batch(rows.count())).map_err(placed)
        });
        let mut made = made.map_err(|mut failure| {
            failure.batch = Some(batch);
            failure.first_row = rows.place(0);
            self.named(failure)
        })?;
        let mut rejected = Vec::with_capacity(made.rejections.len());
        for rejection in std::mem::take(&mut made.rejections) {
            let row = rejection.row as usize;
            let mut failure = Box::new(failure::of_rejection(rejection.error, self.session.said()));
            failure.batch = Some(batch);
            failure.row = rows.place(row);
            failure = self.named(failure);
            if step.on_failure.then() == Then::Stop {
                self.session.said().tell(&mut failure);
                return Err(failure);
            }
            stage.tally.reject();
            rejected.push(Rejected::new(rows, row, *failure));
        }
        Ok((made, rejected))
    }

    /// What the step makes next, or none when there is no more.
    ///
    /// # Errors
    /// The step fails.
    pub(crate) fn finish(&mut self, stage: &Stage, made_of: MadeOf) -> Result<Option<Checked>, Box<Failure>> {
        let call = async |store: &mut wasmtime::Store<State>, instance: &bindings::Step| {
            instance.stillbox_step_guest().call_finish(store).await
        };
        let made = self.call(stage, call).and_then(|answer| {
            let output = answered(answer, self.session.said())?;
            output.map(|output| self.checked(output, made_of)).transpose()
        });
        made.map_err(|failure| self.named(failure))
    }

    /// Calls the instance, and binds it first if it is new.
    fn call<R>(
        &mut self,
        stage: &Stage,
        work: impl AsyncFnOnce(&mut wasmtime::Store<State>, &bindings::Step) -> wasmtime::Result<Result<R, StepError>>,
    ) -> Result<Result<R, StepError>, Box<Failure>> {
        let step = &self.step;
        let terms = Terms { limits: &step.limits, stop: &stage.stop, seed: 0 };
        let bound = std::mem::replace(&mut self.bound, true);
        // The run is not over before the guest has heard of its end.
        stage.guests.fetch_add(1, Ordering::AcqRel);
        let answer = self.session.call(&stage.sandbox, &step.component, &terms, async |store, instance| {
            if !bound
                && let Err(error) = instance.stillbox_step_guest().call_bind(&mut *store, &step.parameters).await?
            {
                return Ok(Err(error));
            }
            work(store, instance).await
        });
        stage.guests.fetch_sub(1, Ordering::AcqRel);
        answer
    }

    fn checked(&self, output: Output, made_of: MadeOf) -> Result<Checked, Box<Failure>> {
        check(output, made_of, &self.step.signature, &self.step.limits).map_err(|mut failure| {
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
