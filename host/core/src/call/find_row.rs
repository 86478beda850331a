//! Finds the row at which a step fails, for a failure that names only its batch.
//!
//! Halves of the batch are called in fresh instances: if the first half fails, the row is in it, otherwise it is taken to
//! be in the second. At the end the row is called alone. Only if it fails in the same way is it named, so a failure that
//! needs several rows, or other rows each time, names none. Neither does a step that fails with every row.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::{CallInput, Callee, StepInstance};
use crate::batch::Rows;
use crate::failure::FailureKind;

/// The longest time that a search takes, and then the longest time for the call with the row alone. Steps with a shorter
/// time limit get that time.
const SEARCH_TIME: Duration = Duration::from_secs(2);

/// The result of a call with some of the rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Probe {
    Passed,
    Failed(FailureKind),
}

/// Calls a step with parts of a batch, one after the other.
pub(crate) struct RowSearch<'a> {
    pub(crate) callee: Callee<'a>,
    pub(crate) rows: &'a Rows,
    pub(crate) batch: u64,
}

impl RowSearch<'_> {
    /// Returns the row at which the step fails with this kind of failure, if it is found in time. `range` are the rows of
    /// the call that failed.
    pub(crate) fn find(&self, range: Range<usize>, kind: FailureKind) -> Option<usize> {
        let time = self.callee.step.limits.time.min(SEARCH_TIME);
        let halvings = usize::BITS - (range.len().max(2) - 1).leading_zeros();
        let until = Instant::now() + time;
        let (last, mut has_passed) = (range.end - 1, false);
        let Range { mut start, mut end } = range;
        while end - start > 1 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            // An endless loop takes all of its time, and every second half may have it.
            let time = if kind == FailureKind::Timeout { left.min(time / halvings) } else { left };
            let middle = start + (end - start) / 2;
            match self.probe(start..middle, time)? {
                Probe::Passed => (start, has_passed) = (middle, true),
                // The half did not end in the time that was left, which says nothing.
                Probe::Failed(FailureKind::Timeout) if kind != FailureKind::Timeout => return None,
                Probe::Failed(_) => end = middle,
            }
        }
        let fails = |row: usize| Some(self.probe(row..row + 1, time)? == Probe::Failed(kind));
        let is_found = fails(start)? && (has_passed || !fails(last)?);
        is_found.then_some(start)
    }

    /// Calls the step with some of the rows. Returns `None` if the run stops.
    fn probe(&self, range: Range<usize>, time: Duration) -> Option<Probe> {
        let mut step = self.callee.step.clone();
        step.limits.time = time;
        let callee = Callee { step: &step, ..self.callee };
        let result = CallInput::new(&step, self.rows, range)
            .and_then(|input| StepInstance::new(callee, self.batch).process(callee, &input));
        match result {
            Ok(_) => Some(Probe::Passed),
            Err(failure) if failure.kind == FailureKind::Interrupted => None,
            Err(failure) => Some(Probe::Failed(failure.kind)),
        }
    }
}
