//! The limit on the duration of a search.

use crate::interrupt::Stop;

/// The reason why a search, or a part of it, ends without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SearchEnd {
    /// No steps are left, or the run is being stopped.
    Exhausted,
    /// This part is malformed. Other parts may not be.
    Malformed,
}

impl From<gimli::Error> for SearchEnd {
    fn from(_: gimli::Error) -> Self {
        Self::Malformed
    }
}

/// The remaining steps of a search. Reading an entry, an attribute, a range or a few bytes is a step, which takes some tens
/// of nanoseconds.
pub(super) struct Budget<'a> {
    left: u64,
    stop: &'a Stop,
}

impl<'a> Budget<'a> {
    pub(super) fn new(steps: u64, stop: &'a Stop) -> Self {
        Self { left: steps, stop }
    }

    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Takes steps from the budget.
    pub(super) fn spend(&mut self, steps: u64) -> Result<(), SearchEnd> {
        if self.left < steps || self.stop.reason().is_some() {
            self.left = self.left.saturating_sub(steps);
            return Err(SearchEnd::Exhausted);
        }
        self.left -= steps;
        Ok(())
    }

    /// Takes the steps for reading a number of bytes.
    pub(super) fn spend_bytes(&mut self, bytes: usize) -> Result<(), SearchEnd> {
        self.spend(bytes as u64 / BYTES_PER_STEP + 1)
    }
}

/// The number of bytes read in one step.
const BYTES_PER_STEP: u64 = 4;
