//! Writes the output of a case as the expected one.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::case::{Case, EXPECTED, EXPECTED_REJECTS, Expected};
use super::compare::{compare, rejection_lines};
use super::report::Problem;
use super::run::CaseOutput;

/// Writes the rows and rejections of a case, unless they are as expected. Returns the files that were written or removed.
///
/// Failures are not written: the author decides that a step must fail, in `expected-failure.toml`.
///
/// # Errors
/// A file cannot be written.
pub(super) fn write(case: &Case, output: &CaseOutput) -> Result<Vec<PathBuf>, Problem> {
    let differing = match &case.expected {
        Expected::Rows { rows, rejects } => compare(case, rows, rejects, output),
        Expected::Nothing | Expected::Failure(_) => Vec::new(),
    };
    let is_new = matches!(case.expected, Expected::Nothing);
    let mut updated = Vec::new();
    if is_new || differing.iter().any(|problem| matches!(problem, Problem::Rows { .. })) {
        replace(case, EXPECTED, lines(output.rows.iter().cloned()), &mut updated)?;
    }
    if output.rejected.is_empty() {
        let file = case.folder.join(EXPECTED_REJECTS);
        match fs::remove_file(&file) {
            Ok(()) => updated.push(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Problem::Unreadable { file, message: error.to_string() }),
        }
    } else if is_new || differing.iter().any(|problem| matches!(problem, Problem::Rejects { .. })) {
        let rejections = rejection_lines(&output.rejected).into_iter();
        let rejections = lines(rejections.map(|line| serde_json::Value::Object(line.row).to_string()));
        replace(case, EXPECTED_REJECTS, rejections, &mut updated)?;
    }
    Ok(updated)
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}

fn replace(case: &Case, name: &str, text: String, updated: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let file = case.folder.join(name);
    match fs::write(&file, text) {
        Ok(()) => updated.push(file),
        Err(error) => return Err(Problem::Unreadable { file, message: format!("cannot be written: {error}") }),
    }
    Ok(())
}
