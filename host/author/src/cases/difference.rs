//! Compares rows with the expected ones, by row and column.

use std::time::{Duration, Instant};

use serde_json::{Map, Number, Value};
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::case_row::CaseRow;

/// The most differences in a report, 20: an author fixes the first ones first.
const MAX_DIFFERENCES: usize = 20;

/// The time for aligning rows, 0.5 s; after it the alignment is coarser.
const ALIGNMENT_TIME: Duration = Duration::from_millis(500);

/// The differences between expected and actual rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The number of expected rows.
    pub expected: usize,
    /// The number of actual rows.
    pub actual: usize,
    /// The first differences, in the order of the rows.
    pub rows: Vec<RowDifference>,
    /// The number of further differences.
    pub omitted: usize,
}

/// One difference. Rows and lines are counted from 1.
#[derive(Debug, Clone, PartialEq)]
pub enum RowDifference {
    /// A value differs.
    Value {
        /// The number of the actual row.
        row: usize,
        /// The line of the expected row, if it is from a file.
        line: Option<usize>,
        /// The column.
        column: String,
        /// The expected value; `None` if the column is missing.
        expected: Option<Value>,
        /// The actual value; `None` if the column is missing.
        actual: Option<Value>,
    },
    /// An expected row is missing.
    Missing {
        /// The line of the expected row, if it is from a file.
        line: Option<usize>,
        /// The expected row.
        row: Map<String, Value>,
    },
    /// A row that is not expected.
    Surplus {
        /// The number of the actual row.
        row: usize,
        /// Its values.
        values: Map<String, Value>,
    },
}

impl Difference {
    /// Compares rows; returns `None` if they are equal. A missing column equals null, `1` equals `1.0`, and the order of
    /// columns does not matter.
    pub(super) fn between(expected: &[CaseRow], actual: &[CaseRow]) -> Option<Self> {
        let canonical = |lines: &[CaseRow]| lines.iter().map(|line| canonical_row(&line.row)).collect::<Vec<_>>();
        let (canonical_expected, canonical_actual) = (canonical(expected), canonical(actual));
        if canonical_expected == canonical_actual {
            return None;
        }
        let mut rows = Vec::new();
        if expected.len() == actual.len() {
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                compare(index, expected, actual, &mut rows);
            }
        } else {
            let deadline = Some(Instant::now() + ALIGNMENT_TIME);
            for op in capture_diff_slices_deadline(Algorithm::Myers, &canonical_expected, &canonical_actual, deadline) {
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
        let omitted = rows.len().saturating_sub(MAX_DIFFERENCES);
        rows.truncate(MAX_DIFFERENCES);
        Some(Self { expected: expected.len(), actual: actual.len(), rows, omitted })
    }
}

fn missing(line: &CaseRow) -> RowDifference {
    RowDifference::Missing { line: line.number, row: line.row.clone() }
}

fn surplus(index: usize, line: &CaseRow) -> RowDifference {
    RowDifference::Surplus { row: index + 1, values: line.row.clone() }
}

/// Adds the values in which two rows differ.
fn compare(index: usize, expected: &CaseRow, actual: &CaseRow, rows: &mut Vec<RowDifference>) {
    let mut columns: Vec<&String> = actual.row.keys().collect();
    columns.extend(expected.row.keys().filter(|column| !actual.row.contains_key(*column)));
    for column in columns {
        let (wanted, found) = (expected.row.get(column), actual.row.get(column));
        let or_null = |value: Option<&Value>| canonical(value.unwrap_or(&Value::Null));
        if or_null(wanted) != or_null(found) {
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

/// Returns a text that is equal for equal values.
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
        // Floats of this size are exact integers.
        Some(float) if float.fract() == 0.0 && float.abs() < 9.0e15 => (float as i64).to_string(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::expected;
    use super::*;

    fn lines(text: &str) -> Vec<CaseRow> {
        expected::read(std::path::Path::new("e.jsonl"), text).unwrap_or_else(|problem| panic!("{problem:?}"))
    }

    fn between(expected: &str, actual: &str) -> Option<Difference> {
        Difference::between(&lines(expected), &lines(actual))
    }

    #[test]
    fn rows_with_equal_values_are_equal() {
        assert_eq!(between("{\"a\":1,\"b\":null}", "{\"a\":1.0}"), None);
        assert_eq!(between("{\"a\":{\"x\":1,\"y\":[2]}}", "{\"a\":{\"y\":[2.0],\"x\":1}}"), None);
        assert_eq!(between("", ""), None);
    }

    #[test]
    fn a_text_differs_from_a_number() {
        assert!(between("{\"a\":1}", "{\"a\":\"1\"}").is_some());
        assert!(between("{\"a\":0.1}", "{\"a\":0.2}").is_some());
    }

    #[test]
    fn a_difference_names_row_line_and_column() {
        let difference = between("{\"a\":1}\n\n{\"a\":2}\n", "{\"a\":1}\n{\"a\":3}\n").expect("they differ");
        let [RowDifference::Value { row: 2, line: Some(3), column, .. }] = &difference.rows[..] else {
            panic!("{difference:?}")
        };
        assert_eq!(column, "a");
    }

    #[test]
    fn rows_are_aligned_around_missing_and_surplus_rows() {
        let difference = between("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", "{\"a\":1}\n{\"a\":3}\n").expect("they differ");
        assert!(matches!(&difference.rows[..], [RowDifference::Missing { line: Some(2), .. }]), "{difference:?}");
        let difference = between("{\"a\":1}\n", "{\"a\":0}\n{\"a\":1}\n").expect("they differ");
        assert!(matches!(&difference.rows[..], [RowDifference::Surplus { row: 1, .. }]), "{difference:?}");
    }

    #[test]
    fn differences_beyond_the_limit_are_counted() {
        let rows = |value: u32| (0..50).map(|_| format!("{{\"a\":{value}}}\n")).collect::<Vec<_>>().concat();
        let difference = between(&rows(1), &rows(2)).expect("they differ");
        assert_eq!((difference.rows.len(), difference.omitted), (20, 30));
    }
}
