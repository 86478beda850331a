//! Applies the failure policy of a step: retries calls, rejects rows, or stops the run.
//!
//! Under `reject`, a failure that names no row is bisected: each half is called in a fresh instance, until the failing
//! part is a single row. A batch of `n` rows with one failing row takes about `2 log2(n)` more calls. A failure that
//! names its row takes two more. Every call either completes at least one row or splits its range, so a hostile guest
//! cannot cause more than `2 n` calls for a batch of `n` rows, each with as many retries as the policy allows.
//!
//! Under `stop`, the row is looked for in the same way, but for a short time only: see [`RowSearch`].

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::concat::concat;
use rand::RngExt as _;

use super::Stage;
use super::dropped::{BatchDrops, DroppedRow};
use super::reject::RejectRecord;
use super::step::call;
use crate::batch::{CheckedOutput, Rows, StepOutput};
use crate::bundle::{CallEvidence, FailedCall, places};
use crate::call::{Callee, RowSearch, StepInstance};
use crate::config::instance::InstanceLife;
use crate::engine::CapturedOutput;
use crate::failure::{Failure, FailureContext, FailureKind};
use crate::monitor::{Span, SpanKind};
use crate::plan::Step;
use crate::policy::{MAX_BACKOFF, OnFailure, Then};
use crate::report::StepReport;
use crate::row_size::columns_bytes;
use crate::sandbox::pause;
use crate::units::format_size;

/// The result of a step for a batch.
pub(super) struct PolicyOutcome {
    pub(super) rows: Rows,
    /// The rejected rows, by ascending row.
    pub(super) rejected: Vec<RejectRecord>,
    /// The first dropped rows, by ascending row, if they are recorded.
    pub(super) dropped: Vec<DroppedRow>,
}

/// Applies a step to rows under its failure policy.
///
/// # Errors
/// A failure that ends the run. It names the row if known.
pub(super) fn apply_policy(
    step: &Step,
    rows: &Rows,
    batch: u64,
    stage: &Stage,
    report: &mut StepReport,
) -> Result<PolicyOutcome, Box<Failure>> {
    report.rows_in = rows.count() as u64;
    if rows.count() == 0 {
        let rows = Rows::none(Arc::clone(&step.schema), &rows.origin);
        return Ok(PolicyOutcome { rows, rejected: Vec::new(), dropped: Vec::new() });
    }
    let callee = Callee { step, sandbox: &stage.sandbox, stop: &stage.stop };
    let context = callee.context(Some(batch), Some(rows));
    let (parts, rejected, evidence) = (Vec::new(), Vec::new(), CallEvidence::default());
    let drops = BatchDrops::default();
    let mut runner = PolicyRunner { step, rows, context, stage, report, parts, rejected, drops, evidence };
    // The remaining ranges of the batch in reverse order, so that the next one is popped from the end.
    let starts = (0..rows.count()).step_by(step.batch_rows).rev();
    let mut pending: Vec<Range<usize>> =
        starts.map(|start| start..rows.count().min(start.saturating_add(step.batch_rows))).collect();
    let mut deferred = None;
    while let Some(range) = pending.pop()
        && !stage.reject_counter.is_exceeded()
    {
        match runner.process_range(range, &mut pending) {
            // The run ends because of rejected rows, so the rows of this batch that caused it are returned.
            Err(failure) if failure.kind == FailureKind::Interrupted && stage.reject_counter.is_exceeded() => break,
            // The requests of the other ranges are part of the same batch.
            Err(failure) if stage.is_deferral(&failure) => deferred = Some(failure),
            result => result?,
        }
    }
    if let Some(failure) = deferred {
        return Err(failure);
    }
    let PolicyRunner { context, parts, mut rejected, drops, report, .. } = runner;
    rejected.sort_by_key(|rejected| rejected.row);
    report.rejected = rejected.len() as u64;
    let rows = assemble(step, rows, parts).map_err(|error| context.apply_to(Box::new(Failure::host(&error))))?;
    Ok(PolicyOutcome { rows, rejected, dropped: drops.rows })
}

struct PolicyRunner<'a> {
    step: &'a Step,
    rows: &'a Rows,
    /// The context of the current call; its `attempt` is updated for each retry.
    context: FailureContext,
    stage: &'a Stage,
    report: &'a mut StepReport,
    /// The outputs that passed, in the order of the rows.
    parts: Vec<PassedPart>,
    rejected: Vec<RejectRecord>,
    drops: BatchDrops,
    /// The last call.
    evidence: CallEvidence,
}

/// Where the row of a failure comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RowIs {
    /// The failing call names it.
    Named,
    /// It was found by further calls.
    Searched,
}

/// Which bundle a rejected row has.
#[derive(Clone, Copy)]
enum Bundled {
    This(RowIs),
    /// That of another row of the call.
    WithOther,
}

/// The output of one call.
struct PassedPart {
    range: Range<usize>,
    rows: usize,
    columns: Vec<ArrayRef>,
    /// The bytes of the columns. 0 for the output of the whole batch, which has no other part.
    bytes: u64,
    /// Indices in the whole batch.
    origins: Option<Vec<u32>>,
}

impl PolicyRunner<'_> {
    /// Processes a range, or rejects a row of it, and adds the remaining ranges to `pending`.
    fn process_range(&mut self, range: Range<usize>, pending: &mut Vec<Range<usize>>) -> Result<(), Box<Failure>> {
        let mut failure = match self.call_with_retries(&range)? {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        if !failure.kind.concerns_rows() {
            self.write_bundle(&failure, RowIs::Named);
            return Err(failure);
        }
        if self.step.on_failure.then() == Then::Stop {
            let row_is = if failure.row.is_some() { RowIs::Named } else { RowIs::Searched };
            if failure.row.is_none() {
                let row = self.find_row(range, failure.kind);
                failure.row = row.and_then(|row| self.rows.place(row));
            }
            self.write_bundle(&failure, row_is);
            return Err(failure);
        }
        let named_row = failure.row.as_ref().and_then(|row| usize::try_from(row.index).ok());
        match named_row.filter(|row| range.contains(row)) {
            Some(row) => {
                pending.extend([row + 1..range.end, range.start..row].into_iter().filter(|part| !part.is_empty()));
                self.reject(row, failure, Bundled::This(RowIs::Named));
            }
            None if range.len() == 1 => self.reject(range.start, failure, Bundled::This(RowIs::Searched)),
            None => {
                let middle = range.start + range.len() / 2;
                pending.extend([middle..range.end, range.start..middle]);
            }
        }
        Ok(())
    }

    /// Returns the row at which the step fails, if it can be found in a short time.
    fn find_row(&self, range: Range<usize>, kind: FailureKind) -> Option<usize> {
        if range.len() == 1 {
            return Some(range.start);
        }
        let callee = Callee { step: self.step, sandbox: &self.stage.sandbox, stop: &self.stage.stop };
        let _slot = self.stage.slot(self.step);
        RowSearch { callee, rows: self.rows, batch: self.context.batch.unwrap_or(0) }.find(range, kind)
    }

    /// Calls the step with a range, and retries while the policy allows it. The outer error ends the run.
    fn call_with_retries(&mut self, range: &Range<usize>) -> Result<Result<(), Box<Failure>>, Box<Failure>> {
        self.context.attempt = 1;
        loop {
            let result = call(self.step, self.rows, range, &self.context, self.stage, self.report, &mut self.evidence);
            let wait = match &result {
                Ok((output, _)) => self.wait_for_rejections(output),
                Err(failure) => self.wait_for(failure),
            };
            if let Some(wait) = wait {
                let span = Span::new(SpanKind::Wait, "the time of the next attempt").step(Some(&self.step.name));
                let waiting = self.stage.monitor().begin(span.batch(self.context.batch));
                pause(&self.stage.stop, wait);
                drop(waiting);
                self.stage.check_stop()?;
                self.context.attempt += 1;
                continue;
            }
            let result = result.and_then(|(output, instance)| {
                self.check_batch(&output).map_err(|failure| self.context.apply_to(failure))?;
                Ok((output, instance))
            });
            return match result {
                Ok((output, instance)) => {
                    self.accept(range, output, instance.as_ref().map(StepInstance::captured))?;
                    if let Some(instance) = instance.filter(|_| self.step.instance == InstanceLife::Worker) {
                        self.stage.workers.give(self.step.number, instance);
                    }
                    Ok(Ok(()))
                }
                Err(failure) => Ok(Err(failure)),
            };
        }
    }

    /// Applies the limits on an output to all outputs of the batch together: a batch that was divided has several.
    fn check_batch(&self, output: &StepOutput) -> Result<(), Box<Failure>> {
        let limits = &self.step.limits;
        let rows = self.parts.iter().map(|part| part.rows as u64).sum::<u64>() + output.output.rows as u64;
        if rows > limits.output_rows {
            let limit = limits.output_rows.to_string();
            let message = format!("it returned {rows} rows for the batch, but the limit is `output-rows = {limit}`");
            return Err(Box::new(Failure::limit(FailureKind::BadOutput, message, "output-rows", limit)));
        }
        // The size of a single output was checked when the step returned it.
        if self.parts.is_empty() {
            return Ok(());
        }
        let bytes =
            self.parts.iter().map(|part| part.bytes).sum::<u64>() + columns_bytes(&output.output.columns) as u64;
        // The parts of a batch are joined, and the values of a joined column have 32-bit offsets.
        if bytes <= limits.output_bytes.min(i32::MAX as u64) {
            return Ok(());
        }
        let limit = format_size(limits.output_bytes);
        let message = format!("it returned {bytes} bytes for the batch, but the limit is `output-bytes = \"{limit}\"`");
        Err(Box::new(Failure::limit(FailureKind::BadOutput, message, "output-bytes", limit)))
    }

    fn accept(
        &mut self,
        range: &Range<usize>,
        output: StepOutput,
        captured: Option<&CapturedOutput>,
    ) -> Result<(), Box<Failure>> {
        if let Some(sampler) = self.stage.drop_sampler.as_ref().filter(|_| self.step.records_drops) {
            let batch = self.context.batch.unwrap_or(0);
            let using = (&**sampler, &self.stage.redactor);
            self.drops.record((self.step, self.rows, batch), range, &output, using, self.report);
        }
        let StepOutput { output: checked, rejections, .. } = output;
        for (index, rejection) in rejections.into_iter().enumerate() {
            let row = range.start + rejection.row as usize;
            let mut failure = Box::new(rejection.failure);
            if self.step.on_failure.then() == Then::Stop {
                failure.row = self.rows.place(row);
                if let Some(captured) = captured {
                    captured.attach_output_to(&mut failure);
                }
                self.write_bundle(&failure, RowIs::Named);
                return Err(failure);
            }
            // The others are those of the same call.
            self.reject(row, failure, if index == 0 { Bundled::This(RowIs::Named) } else { Bundled::WithOther });
        }
        self.report.rows_out += checked.rows as u64;
        self.report.dropped += checked.dropped as u64;
        let start = range.start as u32;
        let origins = checked.origins.map(|mut origins| {
            for origin in &mut origins {
                *origin += start;
            }
            origins
        });
        let is_whole = range.len() == self.rows.count();
        let bytes = if is_whole { 0 } else { columns_bytes(&checked.columns) as u64 };
        let CheckedOutput { rows, columns, .. } = checked;
        self.parts.push(PassedPart { range: range.clone(), rows, columns, bytes, origins });
        Ok(())
    }

    fn reject(&mut self, row: usize, mut failure: Box<Failure>, bundled: Bundled) {
        failure.row = self.rows.place(row);
        if let (Some(bundles), Bundled::This(row_is)) = (&self.stage.bundles, bundled) {
            bundles.write_rejected(&failure, || self.failed_call(row_is));
        }
        // The record names the rejected row, so the first row of the batch is omitted.
        failure.first_row = None;
        self.stage.reject_counter.reject(1);
        self.rejected.push(RejectRecord::new(self.rows, row, *failure, self.rejected.len()));
    }

    /// Writes the bundle of a failure that ends the run.
    fn write_bundle(&self, failure: &Failure, row_is: RowIs) {
        if let Some(bundles) = &self.stage.bundles {
            bundles.write(&self.failed_call(row_is), failure);
        }
    }

    /// Returns the last call for a bundle.
    fn failed_call(&self, row_is: RowIs) -> FailedCall<'_> {
        let CallEvidence { range, log, earlier_batches } = &self.evidence;
        FailedCall {
            step: self.step,
            seed: self.context.batch.unwrap_or(0),
            batches: vec![self.rows.columns.slice(range.start, range.len())],
            places: places(self.rows, range.clone()),
            finishes: 0,
            earlier_batches: *earlier_batches,
            log: log.clone(),
            is_row_searched: row_is == RowIs::Searched,
        }
    }

    /// Returns the delay before a retry, if there is to be one.
    fn wait_for(&self, failure: &Failure) -> Option<Duration> {
        let is_retryable = failure.transient || failure.kind == FailureKind::Timeout;
        self.wait(failure.retry_after_ms).filter(|_| is_retryable)
    }

    /// Returns the delay before a retry for rejected rows, which are retried with their batch.
    fn wait_for_rejections(&self, output: &StepOutput) -> Option<Duration> {
        let transient = output.rejections.iter().filter(|rejection| rejection.failure.transient);
        let asked = transient.map(|rejection| rejection.failure.retry_after_ms).max()?;
        self.wait(asked)
    }

    fn wait(&self, asked_ms: Option<u64>) -> Option<Duration> {
        let OnFailure::Retry(retry) = &self.step.on_failure else { return None };
        let attempt = self.context.attempt;
        if attempt > retry.times {
            return None;
        }
        let doubled = retry.backoff.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        let shortened = doubled.min(MAX_BACKOFF).mul_f64(rand::rng().random_range(0.5..=1.0));
        let asked = Duration::from_millis(asked_ms.unwrap_or(0)).min(MAX_BACKOFF);
        Some(shortened.max(asked))
    }
}

/// Puts created and carried columns in their places.
fn assemble(step: &Step, input: &Rows, parts: Vec<PassedPart>) -> Result<Rows, ArrowError> {
    let whole = 0..input.count();
    let (rows, made, origins) = match <[PassedPart; 1]>::try_from(parts) {
        Ok([part]) if part.range == whole => (part.rows, part.columns, part.origins),
        Ok([part]) => join(step, vec![part])?,
        Err(parts) => join(step, parts)?,
    };
    let is_same = |origins: &[u32]| {
        origins.len() == input.count() && origins.iter().enumerate().all(|(row, origin)| row == *origin as usize)
    };
    let origins = origins.filter(|origins| !is_same(origins));
    let origin = match &origins {
        None => input.origin.clone(),
        Some(origins) => input.origin.select(origins),
    };
    let indices = origins.map(UInt32Array::from);
    let columns = step.assemble_from(rows, &made, &input.columns, indices.as_ref())?;
    Ok(Rows { columns, origin })
}

type Joined = (usize, Vec<ArrayRef>, Option<Vec<u32>>);

/// Concatenates the outputs. Origins are needed, because rows in between did not pass.
fn join(step: &Step, parts: Vec<PassedPart>) -> Result<Joined, ArrowError> {
    let rows = parts.iter().map(|part| part.rows).sum();
    let mut columns = Vec::with_capacity(step.signature.outputs.len());
    for (index, output) in step.signature.outputs.iter().enumerate() {
        let arrays: Vec<&dyn Array> = parts.iter().map(|part| part.columns[index].as_ref()).collect();
        columns.push(if arrays.is_empty() {
            let field = output.data_type.field(&output.name, output.nullable);
            arrow_array::new_empty_array(field.data_type())
        } else {
            concat(&arrays)?
        });
    }
    let all = |range: Range<usize>| (range.start as u32..range.end as u32).collect();
    let origins = parts.into_iter().flat_map(|part| part.origins.unwrap_or_else(|| all(part.range))).collect();
    Ok((rows, columns, Some(origins)))
}
