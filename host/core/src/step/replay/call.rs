//! The call of a bundle: one call of a transform, or all calls of an instance that lives across them.

use arrow_array::RecordBatch;

use super::super::bound::BoundStep;
use crate::batch::{GivenRows, StepOutput};
use crate::bundle::Bundle;
use crate::call::{CallInput, StepInstance};
use crate::component::StepKind;
use crate::failure::{Failure, RowPlace};
use crate::instance_log::InstanceLog;

/// The output of a call that passed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Passed {
    pub(super) rows: u64,
    pub(super) dropped: u64,
}

/// The call of a bundle, ready to be made.
pub(super) struct BundledCall<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) bound: &'a BoundStep,
    /// The index of the first row in the last batch of the bundle.
    pub(super) start: usize,
}

impl BundledCall<'_> {
    fn instance(&self) -> StepInstance {
        let (head, callee) = (&self.bundle.head, self.bound.callee());
        StepInstance::with_log(callee, head.seed, Some(InstanceLog::replay(head.log.clone())))
    }

    /// Makes all calls of the instance, until one fails.
    pub(super) fn make(&self, batches: &[RecordBatch]) -> Result<Passed, Box<Failure>> {
        let _slot = self.bound.pool.slot();
        let head = &self.bundle.head;
        let mut instance = self.instance();
        let is_transform = self.bound.manifest().kind == StepKind::Transform;
        let (mut passed, mut seen) = (Passed::default(), 0);
        for (number, batch) in batches.iter().enumerate() {
            instance.set_batch(if is_transform { head.seed } else { number as u64 + 1 });
            let is_last = number + 1 == batches.len() && head.finishes == 0;
            passed = self.process(&mut instance, batch, is_last)?;
            seen += batch.num_rows() as u64;
        }
        let given = match self.bound.manifest().kind {
            StepKind::Source => GivenRows::None,
            StepKind::Transform | StepKind::Aggregate => GivenRows::All(seen),
        };
        let callee = self.bound.callee();
        for _ in 0..head.finishes {
            let output = instance.finish(callee, given);
            let output = output.map_err(|failure| callee.context(None, None).apply_to(failure))?;
            let Some(output) = output else { break };
            passed.rows += output.rows as u64;
        }
        Ok(passed)
    }

    /// Calls `process`. A row that the step rejects in the last batch is the failure: the row of the bundle, or else the first.
    fn process(&self, instance: &mut StepInstance, batch: &RecordBatch, is_last: bool) -> Result<Passed, Box<Failure>> {
        let rows = self.bound.rows_at(batch, "the bundle".into(), 0)?;
        let callee = self.bound.callee();
        let context = callee.context(self.bundle.failure().batch, None);
        let located = |failure| self.locate(context.apply_to(failure));
        let input = CallInput::new(&self.bound.step, &rows, 0..rows.count()).map_err(located)?;
        let StepOutput { output, mut rejections, .. } = instance.process(callee, &input).map_err(located)?;
        if is_last && !rejections.is_empty() {
            let wanted = self.bundle.failing_row().and_then(|row| row.checked_sub(self.start));
            let position = rejections.iter().position(|rejection| Some(rejection.row as usize) == wanted);
            let rejection = rejections.swap_remove(position.unwrap_or(0));
            let mut failure = Box::new(rejection.failure);
            failure.row = rows.place(rejection.row as usize);
            instance.captured().attach_output_to(&mut failure);
            return Err(located(failure));
        }
        Ok(Passed { rows: output.rows as u64, dropped: output.dropped as u64 })
    }

    /// Replaces the place of a row in the bundle by its place in the input.
    fn locate(&self, mut failure: Box<Failure>) -> Box<Failure> {
        failure.row = failure.row.take().and_then(|row| usize::try_from(row.index).ok()).map(|row| self.place(row));
        failure
    }

    fn place(&self, row: usize) -> RowPlace {
        let row = self.start + row;
        self.bundle.place(row).cloned().unwrap_or(RowPlace { index: row as u64, file: None, line: None, row: None })
    }

    /// Names the row of a failure that names none, if the row of the bundle was found by further calls and fails alone as well.
    /// Returns a note if that cannot be known.
    pub(super) fn find_row(&self, failure: &mut Failure, batches: &[RecordBatch]) -> Option<String> {
        let row = self.bundle.failing_row().and_then(|row| row.checked_sub(self.start))?;
        let batch = batches.last().filter(|batch| row < batch.num_rows())?;
        if failure.row.is_some() || failure.kind != self.bundle.failure().kind {
            return None;
        }
        if batch.num_rows() == 1 {
            failure.row = Some(self.place(row));
            return None;
        }
        let head = &self.bundle.head;
        if !head.is_row_searched {
            return None;
        }
        if !(head.log.requests.is_empty() && head.log.answers.is_empty()) {
            return Some("the row was found by calls with other requests, so it is not compared".into());
        }
        let alone = BundledCall { start: self.start + row, ..*self };
        let _slot = self.bound.pool.slot();
        let result = alone.process(&mut alone.instance(), &batch.slice(row, 1), true);
        if result.is_err_and(|found| found.kind == failure.kind) {
            failure.row = Some(self.place(row));
        }
        None
    }
}
