//! Calls a step for a range of a batch: from the result cache, or in an instance.

use std::ops::Range;

use super::Stage;
use crate::batch::{GivenRows, Rows, StepOutput};
use crate::bundle::CallEvidence;
use crate::call::{CallInput, Callee, StepInstance};
use crate::config::instance::{CacheMode, InstanceLife};
use crate::failure::{Failure, FailureContext};
use crate::instance_log::InstanceLog;
use crate::plan::Step;
use crate::policy::Then;
use crate::report::StepReport;
use crate::result_cache::CacheKeyBuilder;

/// Returns whether a call may lead to a bundle. Its log may have 12 MiB, and most calls that reject rows have none.
fn needs_evidence(step: &Step, stage: &Stage, output: Result<&StepOutput, &Failure>) -> bool {
    let ends_run = step.on_failure.then() == Then::Stop;
    let may_end_run = match output {
        Ok(output) if output.rejections.is_empty() => return false,
        Ok(_) => ends_run,
        Err(failure) => ends_run || !failure.kind.concerns_rows(),
    };
    may_end_run || stage.bundles.as_ref().is_some_and(|bundles| bundles.has_place())
}

/// Calls a step with some rows of a batch, in a fresh instance, or in one that processed earlier batches if the step
/// asks for that. Returns the instance, for its log and perhaps for another batch; `None` if the output comes from the
/// cache.
///
/// # Errors
/// The rows do not have the columns that the step reads, or the step fails. Rejected rows are not a failure yet.
pub(super) fn call(
    step: &Step,
    rows: &Rows,
    range: &Range<usize>,
    context: &FailureContext,
    stage: &Stage,
    report: &mut StepReport,
    evidence: &mut CallEvidence,
) -> Result<(StepOutput, Option<StepInstance>), Box<Failure>> {
    *evidence = CallEvidence { range: range.clone(), ..CallEvidence::default() };
    match try_call(step, rows, context.batch.unwrap_or(0), stage, report, evidence) {
        Ok((mut output, instance)) => {
            output.rejections.iter_mut().for_each(|rejection| context.apply(&mut rejection.failure));
            Ok((output, instance))
        }
        Err(failure) => Err(context.apply_to(failure)),
    }
}

fn try_call(
    step: &Step,
    rows: &Rows,
    batch: u64,
    stage: &Stage,
    report: &mut StepReport,
    evidence: &mut CallEvidence,
) -> Result<(StepOutput, Option<StepInstance>), Box<Failure>> {
    let input = CallInput::new(step, rows, evidence.range.clone())?;
    let key = (step.cache == CacheMode::On && stage.result_cache.is_enabled()).then(|| {
        let mut key = CacheKeyBuilder::new(step, batch);
        key.add_batch(input.count(), input.columns());
        key.key()
    });
    let cached =
        key.as_ref().and_then(|key| stage.result_cache.get(key, &step.signature, GivenRows::Batch(input.count())));
    // If a rejected row ends the run, the record needs the step's log, which the cache does not store.
    if let Some(output) = cached.filter(|output| output.rejections.is_empty() || step.on_failure.then() != Then::Stop) {
        report.cached += 1;
        return Ok((output, None));
    }
    let callee = Callee { step, sandbox: &stage.sandbox, stop: &stage.stop };
    let _slot = stage.slot(step);
    let idle = match step.instance {
        InstanceLife::Batch => None,
        InstanceLife::Worker => stage.workers.take(step.number),
    };
    let mut instance = idle.unwrap_or_else(|| {
        report.instances += 1;
        StepInstance::with_log(callee, batch, stage.bundles.as_ref().map(|_| InstanceLog::record()))
    });
    instance.set_batch(batch);
    evidence.earlier_batches = instance.calls();
    if let Some(log) = instance.log() {
        log.restart();
    }
    let output = instance.process(callee, &input);
    let needs_log = needs_evidence(step, stage, output.as_ref().map_err(|failure| &**failure));
    if let Some(log) = instance.log().filter(|_| needs_log) {
        evidence.log = log.content();
    }
    report.note_memory(instance.peak_memory());
    let output = output?;
    if let Some(key) = key.filter(|_| output.is_lasting()) {
        stage.result_cache.put(&key, &output);
    }
    Ok((output, Some(instance)))
}
