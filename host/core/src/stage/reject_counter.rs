//! How many rows a run has rejected so far, in all its batches.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::policy::MaxRejects;

/// Counts rejected rows when they are rejected, long before their batches are written: a batch of rows that each use up
/// their time would otherwise go on for hours after its run has failed.
#[derive(Debug, Default)]
pub(crate) struct RejectCounter {
    rejected: AtomicU64,
    /// None if there is no number that ends the run; a share is judged in the end.
    max: Option<u64>,
}

impl RejectCounter {
    /// Counts on from a number of rows that an earlier process rejected.
    pub(crate) fn new(max: Option<MaxRejects>, rejected: u64) -> Self {
        let max = max.and_then(|max| match max {
            MaxRejects::Rows(rows) => Some(rows),
            MaxRejects::Percent(_) => None,
        });
        Self { rejected: AtomicU64::new(rejected), max }
    }

    /// Counts one more row.
    pub(crate) fn reject(&self) {
        self.rejected.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether more rows were rejected than a run may reject.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.max.is_some_and(|max| self.rejected.load(Ordering::Acquire) > max)
    }
}
