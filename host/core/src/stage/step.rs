//! One step applied to some rows: convert, call, check.

use std::ops::Range;

use super::Stage;
use crate::batch::{Lowered, OutputOf, Rows, StepOutput, check};
use crate::call::lower;
use crate::config::instance::{InstanceLife, Keeping};
use crate::engine::CapturedOutput;
use crate::engine::bindings::types::{Batch, StepError};
use crate::failure::Failure;
use crate::plan::Step;
use crate::policy::Then;
use crate::report::StepReport;
use crate::result_cache::CacheKeyBuilder;
use crate::sandbox;
use crate::sandbox::{CallOptions, Session, wait};

/// Calls a step with some of the rows of a batch, in a fresh instance, or in one that passed earlier batches where the
/// step wants that. The instance comes back, for what it said and perhaps for another batch; none where an earlier
/// run has kept the output.
///
/// # Errors
/// The rows do not have the shape that the step asks for, or the step fails. Rows that it refuses are no failure yet.
pub(super) fn call(
    step: &Step,
    rows: &Rows,
    range: &Range<usize>,
    batch: u64,
    stage: &Stage,
    report: &mut StepReport,
) -> Result<(StepOutput, Option<Session>), Box<Failure>> {
    let lowered = lower(step, rows, range)?;
    let key = (step.keeping == Keeping::Outputs && stage.outputs.is_on()).then(|| {
        let mut maker = CacheKeyBuilder::new(step, batch);
        maker.add_batch(range.len(), &lowered);
        maker.key()
    });
    let kept = key.as_ref().and_then(|key| stage.outputs.get(key, &step.signature, OutputOf::Batch(range.len())));
    // Where a refused row ends the run, what the step said besides is of interest, and that is not kept.
    if let Some(made) = kept.filter(|made| made.refused.is_empty() || step.on_failure.then() != Then::Stop) {
        report.cached += 1;
        return Ok((made, None));
    }
    let columns: Vec<_> = lowered.iter().map(Lowered::column).collect();
    let input = Batch { rows: range.len() as u32, columns: &columns };
    let terms = CallOptions { limits: &step.limits, stop: &stage.stop, seed: batch };
    let slot = step.slots.as_ref().map(|slots| wait(&stage.stop, slots.acquire()));
    // A stop ended the wait; the call ends at once, and says why.
    let _slot = slot.flatten();
    let waiting = match step.instance {
        InstanceLife::Batch => None,
        InstanceLife::Worker => stage.workers.take(step.number),
    };
    let is_bound = waiting.is_some();
    let mut session = waiting.unwrap_or_else(|| {
        report.instances += 1;
        Session::new(&stage.sandbox, &terms)
    });
    let answer = session.call(&stage.sandbox, &step.component, &terms, async |store, instance| {
        let guest = instance.stillbox_step_guest();
        if !is_bound && let Err(error) = guest.call_bind(&mut *store, &step.parameters).await? {
            return Ok(Err(error));
        }
        guest.call_process(&mut *store, input).await
    });
    // The guest counts from the beginning of what it was given.
    let placed = |mut failure: Box<Failure>| {
        let row = failure.row.take().and_then(|row| usize::try_from(row.index).ok());
        failure.row = row.filter(|row| *row < range.len()).and_then(|row| rows.place(range.start + row));
        failure
    };
    let answer = answer.map_err(placed)?;
    let output = answered(answer, session.said())?;
    match check(output, OutputOf::Batch(range.len()), &step.signature, &step.limits) {
        Ok(checked) => {
            let made = StepOutput::new(checked, session.said());
            if let Some(key) = key.filter(|_| made.is_lasting()) {
                stage.outputs.put(&key, &made);
            }
            Ok((made, Some(session)))
        }
        Err(mut failure) => {
            session.said().tell(&mut failure);
            Err(placed(failure))
        }
    }
}

/// What a step answered, or the failure that its error stands for.
pub(super) fn answered<R>(answer: Result<R, StepError>, said: &CapturedOutput) -> Result<R, Box<Failure>> {
    answer.map_err(|error| Box::new(sandbox::from_step_error(error, said)))
}
