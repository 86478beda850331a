//! The batches that a case's rows come in.

use std::ops::Range;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// How the rows of a case are cut into batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// All in one.
    Whole,
    /// A batch for each row.
    SingleRows,
    /// Batches of random sizes. The same seed gives the same sizes, so that a case that fails goes on failing.
    Random(u64),
}

impl Cut {
    /// The batches of so many rows, in order. No rows are no batch.
    pub(super) fn of(self, rows: usize) -> Vec<Range<usize>> {
        match self {
            Self::Whole => (rows > 0).then_some(0..rows).into_iter().collect(),
            Self::SingleRows => (0..rows).map(|row| row..row + 1).collect(),
            Self::Random(seed) => {
                let mut random = StdRng::seed_from_u64(seed);
                let mut batches = Vec::new();
                let mut start = 0;
                while start < rows {
                    // A batch of all rows would say nothing new.
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
    fn every_cut_has_each_row_once_and_in_order() {
        for cut in [Cut::Whole, Cut::SingleRows, Cut::Random(1), Cut::Random(2)] {
            for rows in 0..40 {
                let all: Vec<usize> = cut.of(rows).into_iter().flatten().collect();
                assert_eq!(all, (0..rows).collect::<Vec<_>>(), "{cut:?}");
                assert!(cut.of(rows).iter().all(|batch| !batch.is_empty()), "{cut:?}");
            }
        }
    }

    #[test]
    fn random_sizes_are_not_one_batch_and_stay_the_same() {
        for seed in 0..100 {
            assert!(Cut::Random(seed).of(5).len() > 1);
            assert_eq!(Cut::Random(seed).of(50), Cut::Random(seed).of(50));
        }
    }
}
