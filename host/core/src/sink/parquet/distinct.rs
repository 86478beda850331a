//! Finds columns whose values do not repeat.
//!
//! A dictionary makes such a column larger, and the search for each value in it is a third of the time of encoding. The library stops using a
//! dictionary only when it is large.

use std::collections::HashSet;
use std::hash::Hash;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, RecordBatch};

/// The number of values that are compared. If none of so many is equal to another, a group of 131,072 rows has some 100,000 different values, unless
/// equal values are far from each other.
const SAMPLE: usize = 1000;

/// The least number of values, without nulls, on which the decision is based.
const LEAST: usize = 500;

/// Returns the names of the columns whose first values all differ. Columns of lists and structs are not examined.
pub(super) fn columns_without_repetition(rows: &RecordBatch) -> impl Iterator<Item = &str> {
    let schema = rows.schema_ref();
    let columns = schema.fields().iter().zip(rows.columns());
    columns
        .filter(|(_, column)| is_without_repetition(&column.slice(0, column.len().min(SAMPLE))))
        .map(|(field, _)| &**field.name())
}

fn is_without_repetition(column: &dyn Array) -> bool {
    if let Some(texts) = column.as_string_opt::<i32>() {
        all_differ(texts.iter())
    } else if let Some(texts) = column.as_string_opt::<i64>() {
        all_differ(texts.iter())
    } else if let Some(texts) = column.as_string_view_opt() {
        all_differ(texts.iter())
    } else if let Some(bytes) = column.as_binary_opt::<i32>() {
        all_differ(bytes.iter())
    } else if let Some(bytes) = column.as_binary_opt::<i64>() {
        all_differ(bytes.iter())
    } else if let Some(width) = column.data_type().primitive_width() {
        let data = column.to_data();
        let values = data.buffers()[0].as_slice().chunks_exact(width).skip(data.offset()).take(data.len());
        all_differ(values.enumerate().map(|(row, value)| column.is_valid(row).then_some(value)))
    } else {
        false
    }
}

fn all_differ<T: Eq + Hash>(values: impl Iterator<Item = Option<T>>) -> bool {
    let mut seen = HashSet::new();
    values.flatten().all(|value| seen.insert(value)) && seen.len() >= LEAST
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, ListArray, StringArray, types::Int64Type};

    use super::*;

    fn found(columns: Vec<(&str, ArrayRef)>) -> Vec<String> {
        let rows =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
                .unwrap();
        columns_without_repetition(&rows).map(ToOwned::to_owned).collect()
    }

    #[test]
    fn columns_with_an_equal_value_or_few_values_keep_their_dictionary() {
        let numbers =
            |change: fn(i64) -> Option<i64>| -> ArrayRef { Arc::new((0..1500).map(change).collect::<Int64Array>()) };
        let texts: StringArray = (0..1500).map(|number| Some(format!("text {number}"))).collect();
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>((0..1500).map(|number| Some([Some(number)])));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("different", numbers(Some)),
            ("equal later", numbers(|number| Some(number % 1200))),
            ("equal", numbers(|number| Some(number % 999))),
            ("half null", numbers(|number| (number % 2 == 0).then_some(number))),
            ("mostly null", numbers(|number| (number % 3 == 0).then_some(number))),
            ("texts", Arc::new(texts)),
            ("lists", Arc::new(lists)),
        ];
        assert_eq!(found(columns.clone()), ["different", "equal later", "half null", "texts"]);
        let few = |(name, column): (&'static str, ArrayRef)| (name, column.slice(700, 499));
        assert_eq!(found(columns.into_iter().map(few).collect()), [""; 0]);
    }

    #[test]
    fn a_part_of_a_column_is_compared_by_its_own_values() {
        let column: ArrayRef = Arc::new((0..2000).map(|number| Some(number.max(1000))).collect::<Int64Array>());
        assert_eq!(found(vec![("first", column.slice(0, 1000))]), [""; 0]);
        assert_eq!(found(vec![("second", column.slice(1000, 1000))]), ["second"]);
    }
}
