//! The step `sort`.

mod keys;

use keys::write_key;
use stillbox_sdk::any::{AnyRow, DataType, Field};
use stillbox_sdk::{Aggregate, Batch, Context as _, Parameters, Result, Rows, ensure, step};

/// The number of rows in a batch of the output.
const OUTPUT_BATCH_ROWS: usize = 10_000;

/// The parameters of the step.
#[derive(Clone, Debug, Parameters)]
#[parameters(check = Self::check_keys, inputs = Self::inputs)]
pub struct Parameters {
    /// The columns to sort by, the most significant first; from 1 to 64.
    pub keys: Vec<Key>,
}

/// A column to sort by.
#[derive(Clone, Debug, Parameters)]
pub struct Key {
    /// The column, of any type. False sorts before true. Numbers are compared by value, with NaN as the largest, dates, times and
    /// durations by time, bytes by byte, texts by code point, JSON lists and objects by their JSON text. In a column of several
    /// types the order is booleans, numbers, texts, lists, objects.
    pub column: String,
    /// `ascending` or `descending`.
    #[parameter(default = Order::Ascending)]
    pub order: Order,
    /// The position of nulls in either order: `first` or `last`.
    #[parameter(default = Nulls::Last)]
    pub nulls: Nulls,
}

/// The direction of a sort.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Order {
    /// The smallest value first.
    Ascending,
    /// The largest value first.
    Descending,
}

/// The position of nulls.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Nulls {
    /// Before all values.
    First,
    /// After all values.
    Last,
}

impl Parameters {
    fn check_keys(&self) -> Result<()> {
        const MAX_KEYS: usize = 64;
        let count = self.keys.len();
        ensure!((1..=MAX_KEYS).contains(&count), "`keys` names {count} columns, but must name from 1 to {MAX_KEYS}");
        Ok(())
    }

    fn inputs(&self) -> Vec<Field> {
        self.keys.iter().map(|key| Field::new(&key.column, DataType::Json)).collect()
    }
}

/// The sort keys of all rows.
#[derive(Debug)]
pub struct Sort {
    keys: Vec<Key>,
    /// The sort key of each row.
    rows: Vec<Box<[u8]>>,
    sorted: Option<std::vec::IntoIter<u32>>,
}

/// Sorts all rows by one or more columns. The sort is stable.
///
/// Memory holds the keys of all rows, but not the rows: about 28 bytes per row, plus 12 to 20 for each number, 13 for each time
/// and 3 plus the length for each text among its keys.
#[step]
impl Aggregate for Sort {
    type Parameters = Parameters;
    type Input = AnyRow<'static>;
    type Output = ();

    fn new(parameters: &Parameters) -> Result<Self> {
        Ok(Self { keys: parameters.keys.clone(), rows: Vec::new(), sorted: None })
    }

    fn process(&mut self, batch: Batch<'_, AnyRow<'_>>) -> Result<Rows<()>> {
        let mut bytes = Vec::new();
        for row in batch.iter() {
            let row = row?;
            bytes.clear();
            for (column, key) in self.keys.iter().enumerate() {
                write_key(&row, column, key, &mut bytes)
                    .with_context(|| format!("cannot sort by the column `{}`", key.column))?;
            }
            self.rows.push(bytes.as_slice().into());
        }
        Ok(Rows::new())
    }

    fn finish(&mut self) -> Result<Option<Rows<()>>> {
        let rows = &self.rows;
        let sorted = self.sorted.get_or_insert_with(|| {
            let mut order: Vec<u32> = (0..rows.len() as u32).collect();
            // The index breaks ties, so this sort is stable, and it needs no memory in addition to the list.
            order.sort_unstable_by(|one, other| {
                let [left, right] = [one, other].map(|row| &rows[*row as usize]);
                left.cmp(right).then(one.cmp(other))
            });
            order.into_iter()
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
    use stillbox_sdk::Json;
    use stillbox_sdk::testing::{batch, bind, column};

    use super::*;

    fn sorted(keys: &str, a: &[&'static str], b: &[&'static str], rows_a_batch: usize) -> Vec<u32> {
        let mut step = bind::<Sort>(&format!(r#"{{"keys": {keys}}}"#)).unwrap();
        let json = |values: &[&'static str]| values.iter().map(|json| Json::from_text(json)).collect::<Vec<_>>();
        for (a, b) in a.chunks(rows_a_batch).zip(b.chunks(rows_a_batch)) {
            let named = step.signature().inputs.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
            let columns = named.iter().map(|name| column(name, json(if name == "a" { a } else { b })));
            assert_eq!(step.process(&batch(columns)).unwrap().rows, 0);
        }
        let mut order = Vec::new();
        while let Some(output) = step.finish().unwrap() {
            order.extend(output.origins.unwrap());
        }
        order
    }

    #[test]
    fn each_of_several_keys_sorts_in_its_own_order() {
        let a = ["2", "1", "null", "2", "1.0", "10"];
        let b = ["\"x\"", "\"y\"", "\"z\"", "\"y\"", "\"y\"", "null"];
        for rows in 1..7 {
            assert_eq!(sorted(r#"[{"column": "a"}]"#, &a, &b, rows), [1, 4, 0, 3, 5, 2]);
            let both = r#"[{"column": "b", "order": "descending", "nulls": "first"}, {"column": "a"}]"#;
            assert_eq!(sorted(both, &a, &b, rows), [5, 2, 1, 4, 3, 0]);
        }
    }

    #[test]
    fn equal_rows_keep_their_order_in_both_directions() {
        let a = vec!["1"; 30_000];
        for order in ["ascending", "descending"] {
            let key = format!(r#"[{{"column": "a", "order": "{order}"}}]"#);
            assert!(sorted(&key, &a, &a, 999).into_iter().eq(0..30_000));
        }
    }

    #[test]
    fn the_position_of_nulls_does_not_depend_on_the_direction() {
        let a = ["1", "null", "0"];
        for (order, nulls, expected) in [
            ("ascending", "first", [1, 2, 0]),
            ("ascending", "last", [2, 0, 1]),
            ("descending", "first", [1, 0, 2]),
            ("descending", "last", [0, 2, 1]),
        ] {
            let key = format!(r#"[{{"column": "a", "order": "{order}", "nulls": "{nulls}"}}]"#);
            assert_eq!(sorted(&key, &a, &a, 2), expected, "{order} {nulls}");
        }
    }

    #[test]
    fn an_empty_input_has_no_output() {
        assert!(sorted(r#"[{"column": "a"}]"#, &[], &[], 1).is_empty());
    }

    #[test]
    fn missing_repeated_and_invalid_keys_are_rejected() {
        let message = |keys: &str| bind::<Sort>(&format!(r#"{{"keys": {keys}}}"#)).unwrap_err().message;
        assert_eq!(message("[]"), "`keys` names 0 columns, but must name from 1 to 64");
        assert_eq!(message(r#"[{"column": "a"}, {"column": "a"}]"#), "two input columns have the name `a`");
        let order = message(r#"[{"column": "a", "order": "down"}]"#);
        assert_eq!(order, "`keys[0].order` cannot be \"down\"; expected one of `ascending`, `descending`");
    }
}
