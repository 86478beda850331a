//! The step `group-by`.

mod accumulator;
mod parameters;

use std::collections::HashMap;

use accumulator::{Accumulator, RowValue};
pub use parameters::{Aggregation, Function, Parameters};
use stillbox_sdk::any::{AnyOutput, AnyRow};
use stillbox_sdk::{Aggregate, Batch, Context as _, Result, Rows, step};

/// The number of rows in a batch of the output.
const OUTPUT_BATCH_ROWS: usize = 10_000;

/// A group: the index of its first row, and its intermediate results.
#[derive(Debug)]
struct Group {
    first: usize,
    accumulators: Vec<Accumulator>,
}

/// All groups, in the order of their first rows.
#[derive(Debug)]
pub struct GroupBy {
    parameters: Parameters,
    /// The index of each aggregation's column among the input columns.
    column_indexes: Vec<Option<usize>>,
    seen: usize,
    by_key: HashMap<Box<[u8]>, usize>,
    groups: Vec<Group>,
    next: usize,
}

/// Returns one row for each group of rows with equal values in some columns, in the order of the groups' first rows.
///
/// The output row is the first row of its group, with the aggregates added. All its other columns have the values of the first
/// row.
///
/// Memory holds the keys and aggregates of all groups (about 100 bytes per group and 40 per aggregate), the values of `min` and
/// `max`, and all values of `list`, but not the rows.
#[step]
impl Aggregate for GroupBy {
    type Parameters = Parameters;
    type Input = AnyRow<'static>;
    type Output = AnyOutput<'static>;

    fn new(parameters: &Parameters) -> Result<Self> {
        Ok(Self {
            parameters: parameters.clone(),
            column_indexes: parameters.column_indexes(),
            seen: 0,
            by_key: HashMap::new(),
            groups: Vec::new(),
            next: 0,
        })
    }

    fn process(&mut self, batch: Batch<'_, AnyRow<'_>>) -> Result<Rows<AnyOutput<'static>>> {
        let mut rows = Rows::new();
        for (i, row) in batch.iter().enumerate() {
            // A rejected row does not change its group.
            if let Err(error) = row.and_then(|row| self.add(&row)) {
                rows.reject(i, error);
            }
            self.seen += 1;
        }
        Ok(rows)
    }

    fn finish(&mut self) -> Result<Option<Rows<AnyOutput<'static>>>> {
        let mut rows = Rows::new();
        for group in self.groups[self.next..].iter_mut().take(OUTPUT_BATCH_ROWS) {
            let accumulators = std::mem::take(&mut group.accumulators);
            let values = accumulators.into_iter().map(Accumulator::finish).collect::<Result<AnyOutput<'static>>>()?;
            rows.push_from(group.first, values)?;
            self.next += 1;
        }
        Ok(if rows.is_empty() { None } else { Some(rows) })
    }
}

impl GroupBy {
    fn add(&mut self, row: &AnyRow<'_>) -> Result<()> {
        let aggregations = &self.parameters.aggregates;
        let seen = aggregations.iter().zip(&self.column_indexes).map(|(aggregation, place)| {
            RowValue::read(aggregation, row, *place).with_context(|| aggregation.error_context())
        });
        let seen = seen.collect::<Result<Vec<_>>>()?;
        let mut key = Vec::new();
        for (place, column) in self.parameters.columns.iter().enumerate() {
            // Nulls form a group.
            row.write_key(place, &mut key).with_context(|| format!("cannot group by the column `{column}`"))?;
        }
        let next = self.groups.len();
        let group = *self.by_key.entry(key.into()).or_insert(next);
        if group == next {
            let accumulators = aggregations.iter().map(Accumulator::new).collect();
            self.groups.push(Group { first: self.seen, accumulators });
        }
        for (accumulator, seen) in self.groups[group].accumulators.iter_mut().zip(seen) {
            accumulator.add(seen);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::Json;
    use stillbox_sdk::contract::Output;
    use stillbox_sdk::serde_json::Value;
    use stillbox_sdk::testing::{Bound, batch, bind, column, values};

    use super::*;

    const KEYS: [&str; 6] = ["\"a\"", "null", "\"b\"", "\"\\u0061\"", "null", "\"a\""];
    const NUMBERS: [&str; 6] = ["3", "null", "1.5", "-1", "7", "null"];

    fn step(aggregates: &str) -> Bound {
        bind::<GroupBy>(&format!(r#"{{"columns": ["k"], "aggregates": [{aggregates}]}}"#)).unwrap()
    }

    fn grouped(aggregates: &str, rows_a_batch: usize) -> Output {
        let mut step = step(aggregates);
        for (keys, numbers) in KEYS.chunks(rows_a_batch).zip(NUMBERS.chunks(rows_a_batch)) {
            let json = |values: &[&'static str]| values.iter().map(|json| Json::from_text(json)).collect::<Vec<_>>();
            let output = step.process(&batch([column("k", json(keys)), column("n", json(numbers))])).unwrap();
            assert_eq!((output.rows, output.rejections.len()), (0, 0));
        }
        let output = step.finish().unwrap().unwrap();
        assert!(step.finish().unwrap().is_none());
        output
    }

    #[test]
    fn every_function_aggregates_every_group() {
        let all = r#"{"function": "count", "into": "rows"}, {"function": "count", "column": "n", "into": "numbers"},
            {"function": "min", "column": "n", "type": "float", "into": "min"},
            {"function": "max", "column": "n", "into": "max"}, {"function": "mean", "column": "n", "into": "mean"},
            {"function": "list", "column": "n", "into": "list"}"#;
        for rows in 1..7 {
            let output = grouped(all, rows);
            // The groups are a, null and b.
            assert_eq!(output.origins.as_deref(), Some(&[0, 1, 2][..]));
            assert_eq!(values::<Option<i64>>(&output, "rows"), [Some(3), Some(2), Some(1)]);
            assert_eq!(values::<Option<i64>>(&output, "numbers"), [Some(2), Some(1), Some(1)]);
            assert_eq!(values::<Option<f64>>(&output, "min"), [Some(-1.0), Some(7.0), Some(1.5)]);
            let json = |name| values::<Option<Value>>(&output, name).into_iter().map(|json| json.unwrap().to_string());
            assert!(json("max").eq(["3", "7", "1.5"]));
            assert_eq!(values::<Option<f64>>(&output, "mean"), [Some(1.0), Some(7.0), Some(1.5)]);
            assert!(json("list").eq(["[3,-1,null]", "[null,7]", "[1.5]"]));
        }
    }

    #[test]
    fn a_value_that_is_not_a_number_rejects_only_its_row() {
        let mut step =
            step(r#"{"function": "count", "into": "rows"}, {"function": "mean", "column": "n", "into": "m"}"#);
        let json = |values: [&'static str; 3]| values.map(Json::from_text);
        let rows = batch([column("k", json(["1", "2", "1"])), column("n", json(["\"x\"", "1", "3"]))]);
        let output = step.process(&rows).unwrap();
        assert_eq!(output.rejections[0].row, 0);
        assert_eq!(output.rejections[0].error.message, "cannot compute the mean of the column `n`");
        assert_eq!(output.rejections[0].error.causes, ["the text \"x\" is not a number"]);
        let output = step.finish().unwrap().unwrap();
        assert_eq!(output.origins.as_deref(), Some(&[1, 2][..]));
        assert_eq!(values::<Option<i64>>(&output, "rows"), [Some(1), Some(1)]);
    }

    #[test]
    fn an_aggregate_without_values_is_null() {
        let mut step = step(
            r#"{"function": "mean", "column": "n", "into": "mean"}, {"function": "min", "column": "n", "into": "min"}"#,
        );
        step.process(&batch([column("k", [Json::from_text("1")]), column("n", [Json::from_text("null")])])).unwrap();
        let output = step.finish().unwrap().unwrap();
        assert_eq!(values::<Option<f64>>(&output, "mean"), [None]);
        assert_eq!(values::<Option<Value>>(&output, "min"), [None]);
    }

    #[test]
    fn invalid_parameters_are_rejected() {
        let message = |columns: &str, aggregates: &str| {
            let parameters = format!(r#"{{"columns": {columns}, "aggregates": [{aggregates}]}}"#);
            bind::<GroupBy>(&parameters).unwrap_err().message
        };
        let count = r#"{"function": "count", "into": "n"}"#;
        assert_eq!(message("[]", count), "`columns` names no column");
        assert_eq!(message(r#"["a"]"#, ""), "`aggregates` is empty: use `deduplicate` to keep one row of each group");
        assert_eq!(message(r#"["n"]"#, count), "`aggregates[0].into` is `n`, which is one of `columns`");
        assert_eq!(message(r#"["a"]"#, &format!("{count}, {count}")), "two output columns have the name `n`");
        let mean = r#"{"function": "mean", "into": "n"}"#;
        assert_eq!(message(r#"["a"]"#, mean), "`aggregates[0].column` is missing: only `count` works without it");
        let typed = r#"{"function": "mean", "column": "b", "type": "text", "into": "n"}"#;
        assert_eq!(message(r#"["a"]"#, typed), "`aggregates[0].type` applies only to `min` and `max`");
    }
}
