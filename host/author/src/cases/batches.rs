//! Divides the rows of a case into batches.

use std::ops::Range;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// A division of the rows of a case into batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Batching {
    /// Batches as large as possible, usually a single one.
    Largest,
    /// One row per batch.
    SingleRows,
    /// Batches of random sizes. The same seed gives the same sizes, so that a failing case fails again.
    Random(u64),
}

impl Batching {
    /// Returns the batches of `rows` rows, in order, with at most `most` rows each. Zero rows give no batch.
    pub(super) fn batches(self, rows: usize, most: usize) -> Vec<Range<usize>> {
        let mut random = match self {
            Self::Random(seed) => Some(StdRng::seed_from_u64(seed)),
            Self::Largest | Self::SingleRows => None,
        };
        let mut batches = Vec::new();
        let mut start = 0;
        while start < rows {
            let size = match (self, &mut random) {
                (Self::SingleRows, _) => 1,
                // A batch of all rows would repeat `Largest`.
                (_, Some(random)) => random.random_range(1..=(rows - start).min((rows - 1).max(1)).min(most)),
                (_, None) => (rows - start).min(most),
            };
            batches.push(start..start + size);
            start += size;
        }
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_batching_contains_each_row_once_and_in_order() {
        for batching in [Batching::Largest, Batching::SingleRows, Batching::Random(1), Batching::Random(2)] {
            for (rows, most) in (0..40).flat_map(|rows| [(rows, 1), (rows, 7), (rows, 1000)]) {
                let batches = batching.batches(rows, most);
                assert!(batches.iter().all(|batch| (1..=most).contains(&batch.len())), "{batching:?}");
                assert_eq!(
                    batches.into_iter().flatten().collect::<Vec<_>>(),
                    (0..rows).collect::<Vec<_>>(),
                    "{batching:?}"
                );
            }
        }
    }

    #[test]
    fn random_batches_are_several_and_reproducible() {
        for seed in 0..100 {
            assert!(Batching::Random(seed).batches(5, 1000).len() > 1);
            assert_eq!(Batching::Random(seed).batches(50, 1000), Batching::Random(seed).batches(50, 1000));
        }
    }
}
