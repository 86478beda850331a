//! How rows differ from those that are expected, by row and column.

use std::time::{Duration, Instant};

use serde_json::{Map, Number, Value};
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::expected::Line;

/// The most differences that are kept. Whoever has this many mends the first ones.
const MOST: usize = 20;

/// How long rows may be aligned; after it the alignment is coarser.
const ALIGNING: Duration = Duration::from_millis(500);

/// How rows differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// How many rows were expected.
    pub expected: usize,
    /// How many there are.
    pub actual: usize,
    /// The first differences, in the order of the rows; at least one.
    pub rows: Vec<RowDifference>,
    /// How many more there are.
    pub omitted: usize,
}

/// One difference. Rows and lines are counted from 1.
#[derive(Debug, Clone, PartialEq)]
pub enum RowDifference {
    /// A value is another one.
    Value {
        /// The row among those that came out.
        row: usize,
        /// The line on which it is expected, where that is a file.
        line: Option<usize>,
        /// The column.
        column: String,
        /// What is expected; none: no such column.
        expected: Option<Value>,
        /// What came out; none: no such column.
        actual: Option<Value>,
    },
    /// A row did not come out.
    Missing {
        /// The line on which it is expected, where that is a file.
        line: Option<usize>,
        /// The row.
        row: Map<String, Value>,
    },
    /// A row came out that nobody expects.
    Surplus {
        /// The row among those that came out.
        row: usize,
        /// Its values.
        values: Map<String, Value>,
    },
}

impl Difference {
    /// Compares rows. A column that is missing is null, and `1` is `1.0`; the order of columns does not matter.
    pub(super) fn between(expected: &[Line], actual: &[Line]) -> Option<Self> {
        let canonical = |lines: &[Line]| lines.iter().map(|line| canonical_row(&line.row)).collect::<Vec<_>>();
        let (of_expected, of_actual) = (canonical(expected), canonical(actual));
        if of_expected == of_actual {
            return None;
        }
        let mut rows = Vec::new();
        if expected.len() == actual.len() {
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                compare(index, expected, actual, &mut rows);
            }
        } else {
            let deadline = Some(Instant::now() + ALIGNING);
            for op in capture_diff_slices_deadline(Algorithm::Myers, &of_expected, &of_actual, deadline) {
                if let DiffOp::Equal { .. } = op {
                    continue;
                }
                let (old, new) = (op.old_range(), op.new_range());
                let both = old.len().min(new.len());
                for offset in 0..both {
                    compare(new.start + offset, &expected[old.start + offset], &actual[new.start + offset], &mut rows);
                }
                rows.extend(expected[old.start + both..old.end].iter().map(missing));
                rows.extend((new.start + both..new.end).map(|index| surplus(index, &actual[index])));
            }
        }
        let omitted = rows.len().saturating_sub(MOST);
        rows.truncate(MOST);
        Some(Self { expected: expected.len(), actual: actual.len(), rows, omitted })
    }
}

fn missing(line: &Line) -> RowDifference {
    RowDifference::Missing { line: line.number, row: line.row.clone() }
}

fn surplus(index: usize, line: &Line) -> RowDifference {
    RowDifference::Surplus { row: index + 1, values: line.row.clone() }
}

/// The values in which two rows differ.
fn compare(index: usize, expected: &Line, actual: &Line, rows: &mut Vec<RowDifference>) {
    let mut columns: Vec<&String> = actual.row.keys().collect();
    columns.extend(expected.row.keys().filter(|column| !actual.row.contains_key(*column)));
    for column in columns {
        let (wanted, found) = (expected.row.get(column), actual.row.get(column));
        let of = |value: Option<&Value>| canonical(value.unwrap_or(&Value::Null));
        if of(wanted) != of(found) {
            rows.push(RowDifference::Value {
                row: index + 1,
                line: expected.number,
                column: column.clone(),
                expected: wanted.cloned(),
                actual: found.cloned(),
            });
        }
    }
}

fn canonical_row(row: &Map<String, Value>) -> String {
    let present = row.iter().filter(|(_, value)| !value.is_null());
    canonical(&Value::Object(present.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

/// A text that is the same for values that mean the same.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let inner: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::String((*key).clone()), canonical(value)))
                .collect();
            format!("{{{}}}", inner.join(","))
        }
        Value::Array(elements) => format!("[{}]", elements.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Number(number) => canonical_number(number),
        other => other.to_string(),
    }
}

fn canonical_number(number: &Number) -> String {
    let as_float = number.as_f64().filter(|_| number.is_f64());
    match as_float {
        // Exactly the floats that are integers of 64 bits.
        Some(float) if float.fract() == 0.0 && float.abs() < 9.0e15 => (float as i64).to_string(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::expected;
    use super::*;

    fn lines(text: &str) -> Vec<Line> {
        expected::read(std::path::Path::new("e.jsonl"), text).unwrap_or_else(|problem| panic!("{problem:?}"))
    }

    fn between(expected: &str, actual: &str) -> Option<Difference> {
        Difference::between(&lines(expected), &lines(actual))
    }

    #[test]
    fn rows_that_mean_the_same_are_the_same() {
        assert_eq!(between("{\"a\":1,\"b\":null}", "{\"a\":1.0}"), None);
        assert_eq!(between("{\"a\":{\"x\":1,\"y\":[2]}}", "{\"a\":{\"y\":[2.0],\"x\":1}}"), None);
        assert_eq!(between("", ""), None);
    }

    #[test]
    fn a_text_is_no_number() {
        assert!(between("{\"a\":1}", "{\"a\":\"1\"}").is_some());
        assert!(between("{\"a\":0.1}", "{\"a\":0.2}").is_some());
    }

    #[test]
    fn the_row_the_line_and_the_column_are_told() {
        let difference = between("{\"a\":1}\n\n{\"a\":2}\n", "{\"a\":1}\n{\"a\":3}\n").expect("they differ");
        let [RowDifference::Value { row: 2, line: Some(3), column, .. }] = &difference.rows[..] else {
            panic!("{difference:?}")
        };
        assert_eq!(column, "a");
    }

    #[test]
    fn rows_that_moved_are_aligned() {
        let difference = between("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", "{\"a\":1}\n{\"a\":3}\n").expect("they differ");
        assert!(matches!(&difference.rows[..], [RowDifference::Missing { line: Some(2), .. }]), "{difference:?}");
        let difference = between("{\"a\":1}\n", "{\"a\":0}\n{\"a\":1}\n").expect("they differ");
        assert!(matches!(&difference.rows[..], [RowDifference::Surplus { row: 1, .. }]), "{difference:?}");
    }

    #[test]
    fn many_differences_are_counted() {
        let rows = |value: u32| (0..50).map(|_| format!("{{\"a\":{value}}}\n")).collect::<Vec<_>>().concat();
        let difference = between(&rows(1), &rows(2)).expect("they differ");
        assert_eq!((difference.rows.len(), difference.omitted), (20, 30));
    }
}
