//! The step `generate-rows`.

mod column;
mod words;

pub use column::{Column, Kind};
use stillbox_sdk::any::{AnyOutput, AnyValue, DataType, Field};
use stillbox_sdk::random::Random;
use stillbox_sdk::{Parameters, Result, Rows, Source, ensure, step};

/// The parameters of the step.
#[derive(Clone, Debug, Parameters)]
#[parameters(check = Self::check_columns, outputs = Self::outputs)]
pub struct Parameters {
    /// The number of rows, up to 4,294,967,295.
    pub rows: u32,
    /// The column with the counter.
    #[parameter(default = "index")]
    pub into: String,
    /// The first value of the counter.
    #[parameter(default = 0, min = -9_000_000_000_000_000_000, max = 9_000_000_000_000_000_000)]
    pub start: i64,
    /// Columns of random values, up to 1000.
    #[parameter(default)]
    pub columns: Vec<Column>,
    /// The seed of the random values. A value depends on the seed, the number of its row and the name of its column, but not on
    /// the number of rows or on other columns.
    #[parameter(default = 0)]
    pub seed: u64,
    /// The number of rows in a batch.
    #[parameter(default = 1000, min = 1, max = 100_000)]
    pub batch_rows: u32,
}

impl Parameters {
    fn check_columns(&self) -> Result<()> {
        const MAX_COLUMNS: usize = 1000;
        let count = self.columns.len();
        ensure!(count <= MAX_COLUMNS, "`columns` has {count} columns, more than the limit of {MAX_COLUMNS}");
        for (i, column) in self.columns.iter().enumerate() {
            column.check(i)?;
        }
        Ok(())
    }

    fn outputs(&self) -> Vec<Field> {
        let index = Field { nullable: false, ..Field::new(&self.into, DataType::Integer) };
        let random = self.columns.iter().map(|column| Field::new(&column.name, column.kind.data_type()));
        [index].into_iter().chain(random).collect()
    }
}

/// The source of the rows.
#[derive(Debug)]
pub struct GenerateRows {
    parameters: Parameters,
    /// The seed of each column.
    seeds: Vec<u64>,
    next: u32,
}

/// Creates rows with a counter and columns of random numbers and texts.
#[step]
impl Source for GenerateRows {
    type Parameters = Parameters;
    type Output = AnyOutput<'static>;

    fn new(parameters: &Parameters) -> Result<Self> {
        let seeds = parameters.columns.iter().map(|column| column.seed(parameters.seed)).collect();
        Ok(Self { parameters: parameters.clone(), seeds, next: 0 })
    }

    fn next(&mut self) -> Result<Option<Rows<AnyOutput<'static>>>> {
        let Parameters { rows: all, start, columns, batch_rows, .. } = &self.parameters;
        let end = self.next.saturating_add(*batch_rows).min(*all);
        let mut rows = Rows::with_capacity((end - self.next) as usize);
        for row in self.next..end {
            let index = AnyValue::Integer(start + i64::from(row));
            let random = columns
                .iter()
                .zip(&self.seeds)
                .map(|(column, seed)| column.value(&mut Random::for_index(*seed, u64::from(row))));
            rows.push([index].into_iter().chain(random).collect())?;
        }
        self.next = end;
        Ok(if rows.is_empty() { None } else { Some(rows) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use stillbox_sdk::testing::{bind, values};

    use super::*;

    const COLUMNS: &str = r#"[
        {"name": "n", "kind": "integer", "min": -2, "max": 2},
        {"name": "x", "kind": "float", "min": 1, "max": 3},
        {"name": "b", "kind": "boolean"},
        {"name": "t", "kind": "text", "min": 2, "max": 4},
        {"name": "c", "kind": "choice", "choices": ["ä", "b"], "nulls": 0.5}
    ]"#;

    /// Returns the rows as lines.
    fn rows(more: &str) -> Vec<String> {
        let mut step = bind::<GenerateRows>(&format!(r#"{{"columns": {COLUMNS}, {more}}}"#)).unwrap();
        let mut lines = Vec::new();
        while let Some(output) = step.finish().unwrap() {
            assert_eq!(output.origins, None);
            let index = values::<i64>(&output, "index");
            let integers = values::<Option<i64>>(&output, "n");
            let floats = values::<Option<f64>>(&output, "x");
            let booleans = values::<Option<bool>>(&output, "b");
            let texts = values::<Option<String>>(&output, "t");
            let choices = values::<Option<String>>(&output, "c");
            for i in 0..output.rows as usize {
                assert!((-2..=2).contains(&integers[i].unwrap()) && (1.0..3.0).contains(&floats[i].unwrap()));
                assert!((2..=4).contains(&texts[i].as_ref().unwrap().split(' ').count()), "{texts:?}");
                let random = (integers[i], floats[i], booleans[i], &texts[i], &choices[i]);
                lines.push(format!("{} {random:?}", index[i]));
            }
        }
        lines
    }

    #[test]
    fn a_row_does_not_depend_on_the_number_of_rows_or_the_batch_size() {
        let first = rows(r#""rows": 500, "seed": 7"#);
        assert_eq!(first.len(), 500);
        assert_eq!(rows(r#""rows": 500, "seed": 7, "batch-rows": 3"#), first);
        assert_eq!(rows(r#""rows": 20, "seed": 7"#), first[..20]);
        assert_ne!(rows(r#""rows": 500, "seed": 8"#), first);
        assert_eq!(first.iter().collect::<HashSet<_>>().len(), 500);
        assert!(first.iter().any(|row| row.contains("ä")) && first.iter().any(|row| row.contains("None")));
    }

    #[test]
    fn rows_and_random_columns_are_optional() {
        assert!(rows(r#""rows": 0"#).is_empty());
        let mut step = bind::<GenerateRows>(r#"{"rows": 2, "into": "id", "start": -1}"#).unwrap();
        let output = step.finish().unwrap().unwrap();
        assert_eq!(values::<i64>(&output, "id"), [-1, 0]);
        assert!(step.finish().unwrap().is_none());
    }

    #[test]
    fn invalid_parameters_are_rejected() {
        let message = |column: &str| {
            bind::<GenerateRows>(&format!(r#"{{"rows": 1, "columns": [{column}]}}"#)).unwrap_err().message
        };
        assert_eq!(
            message(r#"{"name": "n", "kind": "integer", "min": 3, "max": 2}"#),
            "`columns[0].min` is above `columns[0].max`"
        );
        assert_eq!(
            message(r#"{"name": "n", "kind": "integer", "min": 0.5}"#),
            "`columns[0].min` must be a whole number for the kind integer, not 0.5"
        );
        assert_eq!(
            message(r#"{"name": "t", "kind": "text", "max": 1e9}"#),
            "`columns[0].max` must be from 0 to 1000 words for the kind text, not 1000000000"
        );
        assert_eq!(
            message(r#"{"name": "c", "kind": "choice"}"#),
            "`columns[0].choices` is empty: name at least one text"
        );
        let other = r#"{"name": "b", "kind": "boolean", "choices": ["a"]}"#;
        assert_eq!(message(other), "`columns[0].choices` applies only to the kind choice");
        assert_eq!(
            message(r#"{"name": "b", "kind": "boolean", "min": 1}"#),
            "`columns[0].min` and `columns[0].max` apply only to numbers and texts"
        );
        assert_eq!(message(r#"{"name": "index", "kind": "boolean"}"#), "two output columns have the name `index`");
        let rows = bind::<GenerateRows>(r#"{"rows": -1}"#).unwrap_err().message;
        assert_eq!(rows, "`rows` must be from 0 to 4294967295, not -1");
    }
}
