//! Compares the output of a case with the expected rows.

use serde_json::{Map, Value};
use stillbox::Failure;
use stillbox::failure::RowPlace;

use super::case::{Case, EXPECTED, EXPECTED_REJECTS};
use super::case_row::{CaseRow, from_output};
use super::difference::Difference;
use super::report::Problem;
use super::run::CaseOutput;

/// Compares rejections and rows with the expected ones. Rejections come first, because a row that is missing may have been rejected.
pub(super) fn compare(case: &Case, rows: &[CaseRow], rejects: &[CaseRow], output: &CaseOutput) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(difference) = Difference::between(rejects, &rejection_lines(&output.rejected)) {
        let (file, rejected) = (case.folder.join(EXPECTED_REJECTS), output.rejected.clone());
        problems.push(Problem::Rejects { file, difference, rejected });
    }
    if let Some(difference) = Difference::between(rows, &from_output(&output.rows)) {
        problems.push(Problem::Rows { file: case.folder.join(EXPECTED), difference });
    }
    problems
}

/// Returns rejections in the form of the file `expected-rejects.jsonl`.
pub(super) fn rejection_lines(rejected: &[Failure]) -> Vec<CaseRow> {
    let line = |failure: &Failure| {
        let row = Value::from(failure.row.as_ref().map_or(0, number));
        let message = Value::from(failure.message.as_str());
        let row = Map::from_iter([("row".to_owned(), row), ("message".to_owned(), message)]);
        CaseRow { number: None, row }
    };
    rejected.iter().map(line).collect()
}

/// Returns a row's number in the files of a case, counted from 1.
pub(super) fn number(place: &RowPlace) -> u64 {
    place.index + 1
}
