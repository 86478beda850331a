//! Runs with `until`: a run is complete with the last row that is wanted, and nothing that comes after this row has an effect on it.

use super::Dispatcher;
use crate::failure::{Failure, FailureKind};
use crate::interrupt::StopReason;
use crate::stage::TaskOutput;

impl Dispatcher<'_> {
    /// Whether all rows that `until` wants are ordered to be written.
    pub(super) fn has_enough(&self) -> bool {
        self.accepted.as_ref().is_some_and(super::AcceptedRows::are_enough)
    }

    /// Whether the tasks and the reader are ending, because no further row is wanted.
    pub(super) fn is_draining(&self) -> bool {
        self.has_enough() && !self.tasks.have_ended()
    }

    /// Counts the accepted rows of the next output in order, and cuts off those that are not wanted.
    pub(super) fn count_accepted(&mut self, output: &mut TaskOutput) -> Result<(), Box<Failure>> {
        let Some(accepted) = &mut self.accepted else { return Ok(()) };
        accepted.count(output).map_err(|error| Box::new(Failure::host(&error)))
    }

    /// Stops the reader and the tasks once no further row is wanted.
    pub(super) fn end_input_if_enough(&mut self) {
        if self.has_enough() {
            self.stages.stop(StopReason::Sibling);
            self.tasks.outputs.take_rest().for_each(drop);
            self.tasks.failures.clear();
        }
    }

    /// Ends the run with a failure. With `until`, that waits until the outputs of all earlier items are written: if they are enough,
    /// the failure has no effect, as in a run on one thread. Later items are not needed in either case.
    pub(super) fn fail_in_turn(&mut self, number: u64, failure: Box<Failure>) {
        if self.accepted.is_none() || self.end.is_some() || failure.kind == FailureKind::Interrupted {
            self.fail(failure);
        } else if !self.has_enough() {
            self.tasks.failures.insert(number, failure);
            self.stages.close();
        }
    }

    /// Ends the run with the first failure, if its turn has come.
    pub(super) fn fail_if_due(&mut self) {
        let next = self.tasks.outputs.next_number();
        let is_due = |number: &u64| *number == next || self.tasks.have_ended();
        if self.tasks.failures.keys().next().is_some_and(is_due)
            && let Some((_, failure)) = self.tasks.failures.pop_first()
        {
            self.fail(failure);
        }
    }
}
