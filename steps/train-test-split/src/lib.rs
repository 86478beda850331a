//! The step `train-test-split`.

mod choose;

pub use choose::{key_is_test, test_size};
use stillbox_sdk::any::{AnyRow, DataType, Field};
use stillbox_sdk::random::Random;
use stillbox_sdk::{Aggregate, Batch, Context as _, Output, Parameters, Result, Rows, ensure, step};

/// The number of rows in a batch of the output.
const OUTPUT_BATCH_ROWS: u32 = 10_000;

/// The parameters of the step.
#[derive(Clone, Debug, Parameters)]
#[parameters(inputs = Self::inputs)]
pub struct Parameters {
    /// The fraction of the rows in the test set.
    #[parameter(default = 0.2, min = 0.0, max = 1.0)]
    pub test_fraction: f64,
    /// The seed of the random split, which is the same in every run.
    #[parameter(default = 0)]
    pub seed: u64,
    /// A column that decides the set: rows with the same value are in the same set. `test-fraction` then applies approximately to
    /// the distinct values.
    pub column: Option<String>,
    /// The output column, with the value `train` or `test`. It is added or replaced.
    #[parameter(default = "split")]
    pub into: String,
}

impl Parameters {
    fn inputs(&self) -> Vec<Field> {
        self.column.iter().map(|name| Field::new(name, DataType::Json)).collect()
    }
}

/// The columns that the step writes.
#[derive(Clone, Copy, Debug, Output)]
pub struct Split {
    /// `train` or `test`.
    #[column(from = "into")]
    pub split: &'static str,
}

const TRAIN: Split = Split { split: "train" };
const TEST: Split = Split { split: "test" };

/// The number of rows so far, or the state of the selection.
#[derive(Debug)]
pub struct TrainTestSplit {
    parameters: Parameters,
    seen: u32,
    selection: Option<Selection>,
}

/// The state of the selection, after the last batch.
#[derive(Debug)]
struct Selection {
    next: u32,
    test: u32,
    random: Random,
}

/// Assigns each row to training or testing, at random, without changing the order of the rows.
///
/// Without `column` the test set has exactly the given fraction of the rows, rounded. Selection sampling (Knuth: The Art of
/// Computer Programming 2, 3.4.2, algorithm S) chooses the rows after the last batch, when their number is known. With `column`
/// a hash of the value decides (XXH3 with the seed), so a value stays in its set when rows are added.
///
/// The step is an aggregate, because a transform does not know the position of a row among all rows. A transform could run in
/// parallel, but would have to hash the content of each row: equal rows would always be in the same set, adding or removing a
/// column would change the whole split, and the fraction would never be exact. The memory of the aggregate does not grow,
/// because it only counts rows.
#[step]
impl Aggregate for TrainTestSplit {
    type Parameters = Parameters;
    type Input = AnyRow<'static>;
    type Output = Split;

    fn new(parameters: &Parameters) -> Result<Self> {
        Ok(Self { parameters: parameters.clone(), seen: 0, selection: None })
    }

    fn process(&mut self, batch: Batch<'_, AnyRow<'_>>) -> Result<Rows<Split>> {
        let Parameters { test_fraction, seed, column, .. } = &self.parameters;
        let mut rows = Rows::new();
        let Some(column) = column else {
            let seen = u32::try_from(batch.len()).ok().and_then(|rows| self.seen.checked_add(rows));
            ensure!(seen.is_some(), "there are more than {} rows", u32::MAX);
            self.seen = seen.unwrap_or_default();
            return Ok(rows);
        };
        for (i, row) in batch.iter().enumerate() {
            let is_test = key_is_test(&row?, *seed, *test_fraction);
            let is_test = is_test.with_context(|| format!("cannot split by the column `{column}`"))?;
            rows.push_from(i, if is_test { TEST } else { TRAIN })?;
        }
        Ok(rows)
    }

    fn finish(&mut self) -> Result<Option<Rows<Split>>> {
        let all = self.seen;
        let Parameters { test_fraction, seed, .. } = self.parameters;
        let selection = self.selection.get_or_insert_with(|| {
            let test = test_size(all, test_fraction);
            Selection { next: 0, test, random: Random::new(seed) }
        });
        let mut rows = Rows::new();
        for row in selection.next..all.min(selection.next.saturating_add(OUTPUT_BATCH_ROWS)) {
            let is_test = selection.random.below(u64::from(all - row)) < u64::from(selection.test);
            selection.test -= u32::from(is_test);
            rows.push_from(row as usize, if is_test { TEST } else { TRAIN })?;
            selection.next = row + 1;
        }
        Ok(if rows.is_empty() { None } else { Some(rows) })
    }
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::testing::{batch, bind, column, values};
    use stillbox_sdk::{Json, contract};

    use super::*;

    /// Returns the set of each row as a letter.
    fn split(parameters: &str, rows: u32, rows_a_batch: u32) -> String {
        let mut step = bind::<TrainTestSplit>(parameters).unwrap();
        let mut left = rows;
        while left > 0 {
            let rows = left.min(rows_a_batch);
            assert_eq!(step.process(&contract::Batch { rows, columns: Vec::new() }).unwrap().rows, 0);
            left -= rows;
        }
        let (mut sides, mut origins) = (String::new(), Vec::new());
        while let Some(output) = step.finish().unwrap() {
            sides.extend(values::<String>(&output, "split").iter().map(|side| if side == "test" { 'T' } else { '.' }));
            origins.extend(output.origins.unwrap());
        }
        assert!(origins.into_iter().eq(0..rows));
        sides
    }

    fn tests(sides: &str) -> usize {
        sides.matches('T').count()
    }

    #[test]
    fn the_fraction_is_exact_and_does_not_depend_on_batch_sizes() {
        let sides = split(r#"{"test-fraction": 0.25, "seed": 1}"#, 1002, 1002);
        assert_eq!(tests(&sides), 251);
        assert_eq!(split(r#"{"test-fraction": 0.25, "seed": 1}"#, 1002, 10), sides);
        assert_ne!(split(r#"{"test-fraction": 0.25, "seed": 2}"#, 1002, 10), sides);
        assert_eq!(tests(&split("{}", 25_000, 999)), 5000);
    }

    #[test]
    fn fractions_of_0_and_1_select_no_rows_and_all_rows() {
        assert_eq!(split(r#"{"test-fraction": 0}"#, 5, 2), ".....");
        assert_eq!(split(r#"{"test-fraction": 1}"#, 5, 2), "TTTTT");
        assert_eq!(split("{}", 0, 2), "");
    }

    #[test]
    fn rows_with_the_same_value_are_in_the_same_set() {
        let mut step = bind::<TrainTestSplit>(r#"{"column": "a", "test-fraction": 0.5, "into": "side"}"#).unwrap();
        let keys = ["1", "\"1\"", "1.0", "null", "[1]", "null", "\"\\u0031\""];
        let output = step.process(&batch([column("a", keys.map(Json::from_text))])).unwrap();
        assert_eq!(output.origins, None);
        let sides = values::<String>(&output, "side");
        assert_eq!((&sides[0], &sides[1], &sides[3]), (&sides[2], &sides[6], &sides[5]));
        assert!(step.finish().unwrap().is_none());

        let many: Vec<String> = (0..4000).map(|key| key.to_string()).collect();
        let output = step.process(&batch([column("a", many.iter().map(|key| Json::from_text(key)))])).unwrap();
        let tests = values::<String>(&output, "side").iter().filter(|side| *side == "test").count();
        assert!((1900..2100).contains(&tests), "{tests}");
    }

    #[test]
    fn a_fraction_that_is_out_of_range_is_rejected() {
        let error = bind::<TrainTestSplit>(r#"{"test-fraction": 1.5}"#).unwrap_err();
        assert_eq!(error.message, "`test-fraction` must be from 0 to 1, not 1.5");
    }
}
