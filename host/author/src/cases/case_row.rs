//! Rows as JSON, for comparison.

use serde_json::{Map, Value};

/// A row and its line in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CaseRow {
    /// Counted from 1; `None` if the row is not from a file.
    pub(super) number: Option<usize>,
    pub(super) row: Map<String, Value>,
}

/// Parses the output of a run.
pub(super) fn from_output(lines: &[String]) -> Vec<CaseRow> {
    let row = |line: &String| match serde_json::from_str(line) {
        Ok(Value::Object(row)) => row,
        // The host has checked that JSON columns contain JSON, so this is not reached.
        _ => Map::from_iter([("(unreadable)".to_owned(), Value::String(line.clone()))]),
    };
    lines.iter().map(|line| CaseRow { number: None, row: row(line) }).collect()
}
