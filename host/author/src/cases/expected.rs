//! The expected rows of a case: JSON Lines.

use std::path::Path;

use serde_json::Value;

use super::case_row::CaseRow;
use super::report::Problem;

/// Reads a file of JSON objects, one per line. Blank lines are skipped.
///
/// # Errors
/// The first line that is not a JSON object.
pub(super) fn read(file: &Path, text: &str) -> Result<Vec<CaseRow>, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = index + 1;
        let wrong = |message: String| Problem::Line { file: file.to_owned(), line: number, message };
        match serde_json::from_str(line) {
            Ok(Value::Object(row)) => lines.push(CaseRow { number: Some(number), row }),
            Ok(_) => return Err(wrong("it is not a JSON object".into())),
            Err(error) => return Err(wrong(format!("it is not JSON: {error}"))),
        }
    }
    Ok(lines)
}
