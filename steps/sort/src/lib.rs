//! The step `sort`.

mod keys;

use keys::write_key;
use stillbox_sdk::any::{AnyRow, DataType, Field};
use stillbox_sdk::{Aggregate, Batch, Context as _, Parameters, Result, Rows, ensure, step};

/// How many rows come out at a time.
const ROWS_AT_ONCE: usize = 10_000;

/// What the step is told.
#[derive(Clone, Debug, Parameters)]
#[parameters(check = Self::check_keys, inputs = Self::inputs)]
pub struct Parameters {
    /// The columns to sort by, the one that matters most first; from 1 to 64.
    pub keys: Vec<Key>,
}

/// A column to sort by.
#[derive(Clone, Debug, Parameters)]
pub struct Key {
    /// The column, of any type. False comes before true; numbers go by their value; texts by their code points. Values of
    /// several types go in this order, and then come lists and objects, by their JSON text.
    pub column: String,
    /// `ascending` or `descending`.
    #[parameter(default = Order::Ascending)]
    pub order: Order,
    /// Where nulls go, whatever the order: `first` or `last`.
    #[parameter(default = Nulls::Last)]
    pub nulls: Nulls,
}

/// Which way a column is sorted.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Order {
    /// The smallest first.
    Ascending,
    /// The largest first.
    Descending,
}

/// Where nulls go.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Nulls {
    /// Before all values.
    First,
    /// Behind all values.
    Last,
}

impl Parameters {
    fn check_keys(&self) -> Result<()> {
        const MOST: usize = 64;
        let count = self.keys.len();
        ensure!((1..=MOST).contains(&count), "`keys` names {count} columns, and takes from 1 to {MOST}");
        Ok(())
    }

    fn inputs(&self) -> Vec<Field> {
        self.keys.iter().map(|key| Field::new(&key.column, DataType::Json)).collect()
    }
}

/// All rows, by their keys.
#[derive(Debug)]
pub struct Sort {
    keys: Vec<Key>,
    /// For each row bytes that compare as the row does.
    rows: Vec<Box<[u8]>>,
    sorted: Option<std::vec::IntoIter<u32>>,
}

/// Sorts all rows by one or more columns. Rows that are equal in all of them stay in their order.
///
/// All keys are kept in memory, and nothing else of the rows: about 28 bytes a row, 11 for each key that is a number, and 3
/// more than its length for each that is a text.
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
                write_key(row.json(column), key, &mut bytes).with_context(|| format!("the column `{}`", key.column))?;
            }
            self.rows.push(bytes.as_slice().into());
        }
        Ok(Rows::new())
    }

    fn finish(&mut self) -> Result<Option<Rows<()>>> {
        let rows = &self.rows;
        let sorted = self.sorted.get_or_insert_with(|| {
            let mut order: Vec<u32> = (0..rows.len() as u32).collect();
            // The place breaks ties, so this is stable, and takes no memory beside the list.
            order.sort_unstable_by(|one, other| {
                let [left, right] = [one, other].map(|row| &rows[*row as usize]);
                left.cmp(right).then(one.cmp(other))
            });
            order.into_iter()
        });
        let mut next = Rows::new();
        for row in sorted.take(ROWS_AT_ONCE) {
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
    fn several_keys_each_in_its_order() {
        let a = ["2", "1", "null", "2", "1.0", "10"];
        let b = ["\"x\"", "\"y\"", "\"z\"", "\"y\"", "\"y\"", "null"];
        for rows in 1..7 {
            assert_eq!(sorted(r#"[{"column": "a"}]"#, &a, &b, rows), [1, 4, 0, 3, 5, 2]);
            let both = r#"[{"column": "b", "order": "descending", "nulls": "first"}, {"column": "a"}]"#;
            assert_eq!(sorted(both, &a, &b, rows), [5, 2, 1, 4, 3, 0]);
        }
    }

    #[test]
    fn equal_rows_stay_in_order_whichever_way_they_are_sorted() {
        let a = vec!["1"; 30_000];
        for order in ["ascending", "descending"] {
            let key = format!(r#"[{{"column": "a", "order": "{order}"}}]"#);
            assert!(sorted(&key, &a, &a, 999).into_iter().eq(0..30_000));
        }
    }

    #[test]
    fn nulls_go_where_they_are_told() {
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
    fn no_row_makes_no_output() {
        assert!(sorted(r#"[{"column": "a"}]"#, &[], &[], 1).is_empty());
    }

    #[test]
    fn keys_are_needed_and_named_once() {
        let message = |keys: &str| bind::<Sort>(&format!(r#"{{"keys": {keys}}}"#)).unwrap_err().message;
        assert_eq!(message("[]"), "`keys` names 0 columns, and takes from 1 to 64");
        assert_eq!(message(r#"[{"column": "a"}, {"column": "a"}]"#), "two input columns have the name `a`");
        let order = message(r#"[{"column": "a", "order": "down"}]"#);
        assert_eq!(order, "`keys[0].order` cannot be \"down\"; there is `ascending`, `descending`");
    }
}
