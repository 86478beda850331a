//! Divides the rows of a case into batches.

use std::ops::Range;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// A division of the rows of a case into batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Batching {
    /// All rows in one batch.
    Whole,
    /// One row per batch.
    SingleRows,
    /// Batches of random sizes. The same seed gives the same sizes, so that a failing case fails again.
    Random(u64),
}

impl Batching {
    /// Returns the batches of `rows` rows, in order. Zero rows give no batch.
    pub(super) fn batches(self, rows: usize) -> Vec<Range<usize>> {
        match self {
            Self::Whole => (rows > 0).then_some(0..rows).into_iter().collect(),
            Self::SingleRows => (0..rows).map(|row| row..row + 1).collect(),
            Self::Random(seed) => {
                let mut random = StdRng::seed_from_u64(seed);
                let mut batches = Vec::new();
                let mut start = 0;
                while start < rows {
                    // A batch of all rows would repeat `Whole`.
                    let most = (rows - start).min((rows - 1).max(1));
                    let size = random.random_range(1..=most);
                    batches.push(start..start + size);
                    start += size;
                }
                batches
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_batching_contains_each_row_once_and_in_order() {
        for batching in [Batching::Whole, Batching::SingleRows, Batching::Random(1), Batching::Random(2)] {
            for rows in 0..40 {
                let all: Vec<usize> = batching.batches(rows).into_iter().flatten().collect();
                assert_eq!(all, (0..rows).collect::<Vec<_>>(), "{batching:?}");
                assert!(batching.batches(rows).iter().all(|batch| !batch.is_empty()), "{batching:?}");
            }
        }
    }

    #[test]
    fn random_batches_are_several_and_reproducible() {
        for seed in 0..100 {
            assert!(Batching::Random(seed).batches(5).len() > 1);
            assert_eq!(Batching::Random(seed).batches(50), Batching::Random(seed).batches(50));
        }
    }
}
