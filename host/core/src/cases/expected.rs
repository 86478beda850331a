//! The expected rows of a case: JSON Lines.

use std::path::Path;

use serde_json::{Map, Value};

use super::report::Problem;

/// A row and its line in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// Counted from 1; `None` if the row is not from a file.
    pub(super) number: Option<usize>,
    pub(super) row: Map<String, Value>,
}

/// Reads a file of JSON objects, one per line. Blank lines are skipped.
///
/// # Errors
/// The first line that is not a JSON object.
pub(super) fn read(file: &Path, text: &str) -> Result<Vec<Line>, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = index + 1;
        let wrong = |message: String| Problem::Line { file: file.to_owned(), line: number, message };
        match serde_json::from_str(line) {
            Ok(Value::Object(row)) => lines.push(Line { number: Some(number), row }),
            Ok(_) => return Err(wrong("it is not a JSON object".into())),
            Err(error) => return Err(wrong(format!("it is not JSON: {error}"))),
        }
    }
    Ok(lines)
}

/// Parses the output of a run.
pub(super) fn from_output(lines: &[String]) -> Vec<Line> {
    let row = |line: &String| match serde_json::from_str(line) {
        Ok(Value::Object(row)) => row,
        // The host has checked that JSON columns contain JSON, so this is not reached.
        _ => Map::from_iter([("(unreadable)".to_owned(), Value::String(line.clone()))]),
    };
    lines.iter().map(|line| Line { number: None, row: row(line) }).collect()
}
