//! Puts values that arrive in any order into the order of their numbers.

use std::collections::BTreeMap;

/// Holds the values that arrived too early. There are never more than permits.
pub(super) struct ReorderBuffer<T> {
    next: u64,
    early: BTreeMap<u64, T>,
}

impl<T> ReorderBuffer<T> {
    /// An empty buffer that expects this number first.
    pub(super) fn new(next: u64) -> Self {
        Self { next, early: BTreeMap::new() }
    }

    /// Adds the value with this number.
    pub(super) fn push(&mut self, number: u64, value: T) {
        self.early.insert(number, value);
    }

    /// Removes the next value in order, if it has arrived.
    pub(super) fn pop(&mut self) -> Option<T> {
        let value = self.early.remove(&self.next)?;
        self.next += 1;
        Some(value)
    }

    /// The number of the next value in order.
    pub(super) fn next_number(&self) -> u64 {
        self.next
    }

    /// Whether the next value in order has arrived.
    pub(super) fn has_next(&self) -> bool {
        self.early.contains_key(&self.next)
    }

    /// Removes the values after this number that have arrived.
    pub(super) fn remove_after(&mut self, number: u64) {
        self.early.split_off(&number);
    }

    /// Removes all values that have arrived, in order and with gaps.
    pub(super) fn take_rest(&mut self) -> impl Iterator<Item = T> + use<T> {
        std::mem::take(&mut self.early).into_values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_leave_in_the_order_of_their_numbers() {
        let mut buffer = ReorderBuffer::new(0);
        let mut left = Vec::new();
        for number in [2, 0, 3, 1, 4] {
            buffer.push(number, number * 10);
            left.extend(std::iter::from_fn(|| buffer.pop()));
        }
        assert_eq!(left, [0, 10, 20, 30, 40]);
        assert!(!buffer.has_next());
    }
}
