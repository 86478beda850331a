//! The circumstances of a call, which every failure of it names.

use std::sync::Arc;

use super::{Failure, RowPlace};

/// The step, its component and its batch. Lives as long as one call, and is applied to each of its failures where the
/// call returns.
#[derive(Debug, Clone)]
pub(crate) struct FailureContext {
    /// The step's name in the pipeline.
    pub(crate) step: Arc<str>,
    /// The component's digest.
    pub(crate) component: Arc<str>,
    /// The number of the batch; `None` outside of batches, as in `finish`.
    pub(crate) batch: Option<u64>,
    /// The first row of the batch.
    pub(crate) first_row: Option<RowPlace>,
    /// The number of the attempt, from 1.
    pub(crate) attempt: u32,
}

impl FailureContext {
    /// Fills in the circumstances. A failure keeps the batch that it names already.
    pub(crate) fn apply(&self, failure: &mut Failure) {
        failure.step = Some(Arc::clone(&self.step));
        failure.component = Some(Arc::clone(&self.component));
        failure.batch = failure.batch.or(self.batch);
        failure.first_row.clone_from(&self.first_row);
        failure.attempt = self.attempt;
    }

    /// Returns the failure with the circumstances filled in.
    pub(crate) fn apply_to(&self, mut failure: Box<Failure>) -> Box<Failure> {
        self.apply(&mut failure);
        failure
    }
}
