//! A case is run, and what came out is compared with what is expected.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::batches::Cut;
use super::case::{Case, EXPECTED, EXPECTED_FAILURE, EXPECTED_REJECTS, Expected};
use super::difference::Difference;
use super::expected::{Line, of_output};
use super::report::{CheckName, Problem};
use super::run::CaseOutput;
use super::subject::{Subject, Unready};
use super::update;
use crate::component::{Component, Kind};
use crate::config::case::{Checks, ExpectedFailure};
use crate::failure::{Failure, FailureKind, RowPlace};
use crate::interrupt::Stop;
use crate::loader::ComponentLoader;

/// What came of one case, without its name.
#[derive(Default)]
pub(super) struct Verdict {
    pub(super) problems: Vec<Problem>,
    pub(super) updated: Vec<PathBuf>,
    pub(super) rows_in: usize,
    pub(super) rows_out: usize,
    pub(super) elapsed: Duration,
    pub(super) peak_memory: Option<u64>,
}

/// Runs a case, and judges it. With `update`, rows that differ are written instead of told.
pub(super) fn judge(
    loader: &ComponentLoader,
    component: &Arc<Component>,
    stop: &Stop,
    case: &Case,
    update: bool,
) -> Verdict {
    let mut verdict = Verdict::default();
    let subject = match Subject::new(loader, component, stop, case) {
        Ok(subject) => subject,
        Err(Unready::Broken(problem)) => {
            verdict.problems.push(problem);
            return verdict;
        }
        Err(Unready::Failed { failure, diagnostics }) => {
            match (&case.expected, diagnostics) {
                (Expected::Failure(expected), _) => verdict.problems.extend(mismatch(case, expected, failure)),
                (_, Some(diagnostics)) => verdict.problems.push(Problem::Diagnostics(diagnostics)),
                (_, None) => verdict.problems.push(Problem::Failed(failure)),
            }
            return verdict;
        }
    };
    verdict.rows_in = subject.input.count();
    let started = Instant::now();
    let result = subject.run(Cut::Whole);
    verdict.elapsed = started.elapsed();
    let made = match (result, &case.expected) {
        (Err(failure), Expected::Failure(expected)) => {
            verdict.problems.extend(mismatch(case, expected, failure));
            return verdict;
        }
        (Err(failure), _) => {
            verdict.problems.push(Problem::Failed(failure));
            return verdict;
        }
        (Ok(made), _) => made,
    };
    verdict.rows_out = made.rows.len();
    verdict.peak_memory = Some(made.peak_memory);
    match &case.expected {
        // A row that is refused fails the run, unless the pipeline says otherwise.
        Expected::Failure(expected) => {
            let file = case.folder.join(EXPECTED_FAILURE);
            let none = || Some(Problem::NotFailed { file, kind: expected.kind, rows: made.rows.len() });
            let refused = made.refused.first().cloned().map(Box::new);
            verdict.problems.extend(refused.map_or_else(none, |refused| mismatch(case, expected, refused)));
        }
        Expected::Nothing | Expected::Rows { .. } if update => match update::write(case, &made) {
            Ok(updated) => verdict.updated = updated,
            Err(problem) => verdict.problems.push(problem),
        },
        Expected::Nothing => {
            let (folder, rows) = (case.folder.clone(), made.rows.len());
            verdict.problems.push(Problem::NothingExpected { folder, rows });
        }
        Expected::Rows { rows, rejects } => verdict.problems.extend(compare(case, rows, rejects, &made)),
    }
    let seed = seed(&case.folder);
    for (check, cut) in checks(case.settings.checks, component.manifest().kind, seed) {
        verdict.problems.extend(repeat(&subject, check, cut, &made));
    }
    verdict
}

/// Compares rows and refusals with what is expected.
pub(super) fn compare(case: &Case, rows: &[Line], rejects: &[Line], made: &CaseOutput) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(difference) = Difference::between(rows, &of_output(&made.rows)) {
        problems.push(Problem::Rows { file: case.folder.join(EXPECTED), difference });
    }
    if let Some(difference) = Difference::between(rejects, &of_refusals(&made.refused)) {
        let (file, refused) = (case.folder.join(EXPECTED_REJECTS), made.refused.clone());
        problems.push(Problem::Rejects { file, difference, refused });
    }
    problems
}

/// Refusals as they are written to a file.
pub(super) fn of_refusals(refused: &[Failure]) -> Vec<Line> {
    let line = |failure: &Failure| {
        let row = Value::from(failure.row.as_ref().map_or(0, number));
        let message = Value::from(failure.message.as_str());
        let row = Map::from_iter([("row".to_owned(), row), ("message".to_owned(), message)]);
        Line { number: None, row }
    };
    refused.iter().map(line).collect()
}

/// A row's number in the files of a case, from 1.
fn number(place: &RowPlace) -> u64 {
    place.index + 1
}

fn mismatch(case: &Case, expected: &ExpectedFailure, failure: Box<Failure>) -> Option<Problem> {
    let mut wrong = Vec::new();
    if failure.kind == FailureKind::Interrupted {
        return Some(Problem::Failed(failure));
    }
    if failure.kind != expected.kind {
        wrong.push(("kind", expected.kind.name().to_owned(), failure.kind.name().to_owned()));
    }
    if let Some(message) = expected.message.as_ref().filter(|message| !message.is_match(&failure.message)) {
        wrong.push(("message", message.as_str().to_owned(), failure.message.clone()));
    }
    let row = failure.row.as_ref().map(number);
    if expected.row.is_some() && expected.row != row {
        let shown = |row: Option<u64>| row.map_or_else(|| "none".to_owned(), |row| row.to_string());
        wrong.push(("row", shown(expected.row), shown(row)));
    }
    let file = case.folder.join(EXPECTED_FAILURE);
    (!wrong.is_empty()).then_some(Problem::OtherFailure { file, wrong, failure })
}

/// The checks of a case that makes rows.
fn checks(on: Checks, kind: Kind, seed: u64) -> Vec<(CheckName, Cut)> {
    let mut checks = Vec::new();
    if on.determinism {
        checks.push((CheckName::Determinism, Cut::Whole));
    }
    // A source has no batches to be cut otherwise.
    if kind != Kind::Source {
        if on.single_rows {
            checks.push((CheckName::SingleRows, Cut::SingleRows));
        }
        if on.random_batches {
            checks.push((CheckName::RandomBatches, Cut::Random(seed)));
        }
    }
    checks
}

/// Runs the case once more, and compares with the first time.
fn repeat(subject: &Subject<'_>, check: CheckName, cut: Cut, first: &CaseOutput) -> Option<Problem> {
    let made = match subject.run(cut) {
        Ok(made) => made,
        Err(failure) if failure.kind == FailureKind::Interrupted => return Some(Problem::Failed(failure)),
        Err(failure) => return Some(Problem::DependsFailed { check, failure }),
    };
    let of = |made: &CaseOutput| (of_output(&made.rows), of_refusals(&made.refused));
    if made.rows == first.rows && of_refusals(&made.refused) == of_refusals(&first.refused) {
        return None;
    }
    let ((rows, refused), (first_rows, first_refused)) = (of(&made), of(first));
    let difference = Difference::between(&first_rows, &rows)
        .or_else(|| Difference::between(&first_refused, &refused))
        // The bytes differ, and not what they mean: the order of keys in a JSON column, for example.
        .unwrap_or(Difference { expected: first.rows.len(), actual: made.rows.len(), rows: Vec::new(), omitted: 0 });
    Some(Problem::Depends { check, difference })
}

/// A number that is the same for a case wherever it lies.
fn seed(folder: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    folder.file_name().hash(&mut hasher);
    hasher.finish()
}
