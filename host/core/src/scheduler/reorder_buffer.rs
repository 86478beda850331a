//! Things that come in any order, and leave in the order of their numbers.

use std::collections::BTreeMap;

/// Holds what came too early. It never holds more than there are permits.
pub(super) struct ReorderBuffer<T> {
    next: u64,
    early: BTreeMap<u64, T>,
}

impl<T> ReorderBuffer<T> {
    /// The first to leave has this number.
    pub(super) fn from(next: u64) -> Self {
        Self { next, early: BTreeMap::new() }
    }

    /// Adds the thing with this number.
    pub(super) fn push(&mut self, number: u64, thing: T) {
        self.early.insert(number, thing);
    }

    /// The next thing in order, if it is there.
    pub(super) fn pop(&mut self) -> Option<(u64, T)> {
        let thing = self.early.remove(&self.next)?;
        self.next += 1;
        Some((self.next - 1, thing))
    }

    /// All that is left, in order, with what is missing passed over.
    pub(super) fn take_rest(&mut self) -> impl Iterator<Item = T> + use<T> {
        std::mem::take(&mut self.early).into_values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_in_order_whatever_the_order_of_arrival() {
        let mut reorder_buffer = ReorderBuffer::from(0);
        let mut left = Vec::new();
        for number in [2, 0, 3, 1, 4] {
            reorder_buffer.push(number, number * 10);
            left.extend(std::iter::from_fn(|| reorder_buffer.pop()));
        }
        assert_eq!(left, [(0, 0), (1, 10), (2, 20), (3, 30), (4, 40)]);
    }
}
