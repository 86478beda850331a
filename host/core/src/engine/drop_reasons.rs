//! The reasons of the rows that a step drops, bounded.

use std::collections::BTreeMap;

use crate::text::cut;

/// Bound of one reason, in bytes.
const MAX_REASON: usize = 256;
/// Bound of the reasons of one batch together, in bytes. The reasons after it are ignored.
const MAX_REASONS: usize = 4 << 20;
/// The bytes that a reason takes besides its text.
const ENTRY_BYTES: usize = 64;

/// The reasons that a step has given for the rows of a batch, by the row. They are not checked against its output.
#[derive(Debug, Default)]
pub(crate) struct DropReasons {
    reasons: BTreeMap<u32, Box<str>>,
    bytes: usize,
}

impl DropReasons {
    /// Creates reasons that were stored.
    pub(crate) fn from_stored(stored: Vec<(u32, String)>) -> Self {
        let mut reasons = Self::default();
        for (row, reason) in stored {
            reasons.add(row, &reason);
        }
        reasons
    }

    /// Adds the reason of a row, unless it has one already, the reason is empty, or there is no room for it.
    pub(super) fn add(&mut self, row: u32, reason: &str) {
        let reason = cut(reason.trim(), MAX_REASON);
        let bytes = self.bytes + reason.len() + ENTRY_BYTES;
        if reason.is_empty() || bytes > MAX_REASONS || self.reasons.contains_key(&row) {
            return;
        }
        self.bytes = bytes;
        self.reasons.insert(row, reason.into());
    }

    /// Returns the reason of a row.
    pub(crate) fn get(&self, row: u32) -> Option<&str> {
        self.reasons.get(&row).map(|reason| &**reason)
    }

    /// Returns all reasons, by ascending row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        self.reasons.iter().map(|(row, reason)| (*row, &**reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_of_a_row_counts_and_is_cut() {
        let mut reasons = DropReasons::default();
        reasons.add(7, " first\n");
        reasons.add(7, "second");
        reasons.add(8, " ");
        reasons.add(9, &"x".repeat(1000));
        assert_eq!((reasons.get(7), reasons.get(8)), (Some("first"), None));
        assert!(reasons.get(9).is_some_and(|reason| reason.len() < MAX_REASON + 40));
    }

    #[test]
    fn the_reasons_of_a_batch_take_bounded_memory() {
        let mut reasons = DropReasons::default();
        for row in 0..1_000_000 {
            reasons.add(row, "x");
        }
        assert!(reasons.iter().count() <= MAX_REASONS / ENTRY_BYTES);
        assert_eq!(reasons.get(0), Some("x"));
    }
}
