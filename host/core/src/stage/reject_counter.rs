//! Counts the rejected rows of a run, over all batches.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::policy::MaxRejects;

/// Counts rows when they are rejected, long before their batches are written. Otherwise a batch whose rows all use up
/// their time limit would run for hours after the run has failed.
#[derive(Debug)]
pub(crate) struct RejectCounter {
    rejected: AtomicU64,
    /// Maximum number of rejected rows; `u64::MAX` without a fixed number. A percentage is checked at the end of the run.
    max: AtomicU64,
}

impl Default for RejectCounter {
    fn default() -> Self {
        Self::new(None, 0)
    }
}

impl RejectCounter {
    /// Creates a counter that starts with the rows rejected before a run was resumed.
    pub(crate) fn new(max: Option<MaxRejects>, rejected: u64) -> Self {
        let max = max.and_then(|max| match max {
            MaxRejects::Rows(rows) => Some(rows),
            MaxRejects::Percent(_) => None,
        });
        Self { rejected: AtomicU64::new(rejected), max: AtomicU64::new(max.unwrap_or(u64::MAX)) }
    }

    /// Starts again at zero, for a part of a run that may reject this many rows.
    pub(crate) fn restart(&self, allowance: u64) {
        self.rejected.store(0, Ordering::Release);
        self.max.store(allowance, Ordering::Release);
    }

    /// Returns how many rows may still be rejected.
    pub(crate) fn allowance(&self) -> u64 {
        self.max.load(Ordering::Acquire).saturating_sub(self.rejected.load(Ordering::Acquire))
    }

    /// Counts this many more rows.
    pub(crate) fn reject(&self, rows: u64) {
        self.rejected.fetch_add(rows, Ordering::AcqRel);
    }

    /// Returns whether more rows were rejected than the run allows.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.rejected.load(Ordering::Acquire) > self.max.load(Ordering::Acquire)
    }
}
