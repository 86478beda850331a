//! The step `sample`.

use stillbox_sdk::random::Random;
use stillbox_sdk::{Aggregate, Batch, Input, Parameters, Result, Rows, ensure, step};

/// The number of rows in a batch of the output.
const OUTPUT_BATCH_ROWS: usize = 10_000;

/// The parameters of the step.
#[derive(Debug, Parameters)]
pub struct Parameters {
    /// The number of rows to select, up to 10 million. An input with fewer rows is selected completely.
    #[parameter(min = 1, max = 10_000_000)]
    pub size: u32,
    /// The seed of the random selection, which is the same in every run.
    #[parameter(default = 0)]
    pub seed: u64,
}

/// The step reads no columns, only the number of rows.
#[derive(Debug, Input)]
pub struct Row {}

/// The indexes of the sampled rows.
#[derive(Debug)]
pub struct Sample {
    size: usize,
    random: Random,
    seen: u32,
    reservoir: Vec<u32>,
    sorted: Option<std::vec::IntoIter<u32>>,
}

/// Selects a number of rows at random, with equal probability, and keeps their order.
///
/// This is algorithm R of Vitter: Random Sampling with a Reservoir (ACM Transactions on Mathematical Software 11, 1985). Later
/// algorithms draw fewer random numbers, but need logarithms, and a draw is cheap compared with reading a row. The step takes 4
/// bytes of memory for each row of the sample.
#[step]
impl Aggregate for Sample {
    type Parameters = Parameters;
    type Input = Row;
    type Output = ();

    fn new(parameters: &Parameters) -> Result<Self> {
        let random = Random::new(parameters.seed);
        Ok(Self { size: parameters.size as usize, random, seen: 0, reservoir: Vec::new(), sorted: None })
    }

    fn process(&mut self, batch: Batch<'_, Row>) -> Result<Rows<()>> {
        for _ in 0..batch.len() {
            ensure!(self.seen < u32::MAX, "there are more than {} rows", u32::MAX);
            let row = self.seen;
            self.seen += 1;
            if self.reservoir.len() < self.size {
                self.reservoir.push(row);
            } else {
                let place = self.random.below(u64::from(self.seen)) as usize;
                if let Some(taken) = self.reservoir.get_mut(place) {
                    *taken = row;
                }
            }
        }
        Ok(Rows::new())
    }

    fn finish(&mut self) -> Result<Option<Rows<()>>> {
        let reservoir = &mut self.reservoir;
        let sorted = self.sorted.get_or_insert_with(|| {
            reservoir.sort_unstable();
            std::mem::take(reservoir).into_iter()
        });
        let mut next = Rows::new();
        for row in sorted.take(OUTPUT_BATCH_ROWS) {
            next.push_from(row as usize, ())?;
        }
        Ok(if next.is_empty() { None } else { Some(next) })
    }
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::contract;
    use stillbox_sdk::testing::bind;

    use super::*;

    fn sampled(size: u32, seed: u64, rows: u32, rows_a_batch: u32) -> Vec<u32> {
        let mut step = bind::<Sample>(&format!(r#"{{"size": {size}, "seed": {seed}}}"#)).unwrap();
        let mut left = rows;
        while left > 0 {
            let rows = left.min(rows_a_batch);
            step.process(&contract::Batch { rows, columns: Vec::new() }).unwrap();
            left -= rows;
        }
        let mut taken = Vec::new();
        while let Some(output) = step.finish().unwrap() {
            taken.extend(output.origins.unwrap());
        }
        taken
    }

    #[test]
    fn a_sample_has_the_order_of_the_input_and_does_not_depend_on_batch_sizes() {
        let sample = sampled(50, 3, 1000, 1000);
        assert_eq!(sample.len(), 50);
        assert!(sample.is_sorted_by(|one, other| one < other) && sample[49] < 1000);
        assert_eq!(sampled(50, 3, 1000, 7), sample);
        assert_ne!(sampled(50, 4, 1000, 1000), sample);
    }

    #[test]
    fn an_input_that_is_smaller_than_the_sample_is_selected_completely() {
        assert_eq!(sampled(5, 0, 3, 2), [0, 1, 2]);
        assert!(sampled(5, 0, 0, 2).is_empty());
        assert!(sampled(30_000, 0, 30_000, 999).into_iter().eq(0..30_000));
    }

    #[test]
    fn every_row_has_the_same_probability() {
        let mut counts = [0; 20];
        for seed in 0..4000 {
            for row in sampled(5, seed, 20, 20) {
                counts[row as usize] += 1;
            }
        }
        // The mean is a quarter of 4000 samples, and the standard deviation about 27.
        assert!(counts.iter().all(|count| (880..1120).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_size_that_is_out_of_range_is_rejected() {
        for size in ["0", "1000000000"] {
            let error = bind::<Sample>(&format!(r#"{{"size": {size}}}"#)).unwrap_err();
            assert_eq!(error.message, format!("`size` must be from 1 to 10000000, not {size}"));
        }
    }
}
