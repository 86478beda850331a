//! Runs a case and compares its output with the expected one.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::mem;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use stillbox::component::StepKind;
use stillbox::config::Diagnostics;
use stillbox::config::case::{CaseTable, ExpectedFailure};
use stillbox::grants::Recorder;
use stillbox::model::{AnswerRecorder, ModelSettings};
use stillbox::{Failure, FailureKind, LoadedComponent};

use super::answers;
use super::batches::Batching;
use super::case::{Case, EXPECTED_FAILURE, Expected};
use super::case_row::from_output;
use super::compare::{compare, number, rejection_lines};
use super::difference::Difference;
use super::recorded;
use super::report::{CheckName, Problem};
use super::run::CaseOutput;
use super::subject::{Subject, Unready};
use super::update;

/// The result of one case, without its name.
#[derive(Default)]
pub(super) struct Verdict {
    pub(super) problems: Vec<Problem>,
    pub(super) updated: Vec<PathBuf>,
    pub(super) unchecked: Vec<CheckName>,
    pub(super) rows_in: usize,
    pub(super) rows_out: usize,
    pub(super) elapsed: Duration,
    pub(super) peak_memory: Option<u64>,
}

/// Runs a case over the network, and writes the responses that it gets, and the answers of models if there are any. Without models,
/// the recorded answers of the case are used. If nothing was recorded, the files of the case are left as they are, and used.
///
/// # Errors
/// The case cannot be run, the run fails in another way than the case expects, or a file cannot be written. A run that fails has
/// recorded only a part, so nothing is written.
pub(super) fn record(
    component: &LoadedComponent,
    case: &mut Case,
    models: &BTreeMap<String, ModelSettings>,
) -> Result<Vec<PathBuf>, Problem> {
    let (recorder, answers) = (Recorder::default(), AnswerRecorder::default());
    let responses_before = mem::take(&mut case.settings.grants.recorded);
    let answers_before = case.models.clone();
    if !models.is_empty() {
        case.models = answers::recording(models, &answers);
        case.settings.grants.secrets.extend(answers::keys(models));
    }
    run_once(component, case, &recorder)?;
    let (exchanges, lines) = (recorder.take(), answers.take());
    let mut written = recorded::write(&case.folder, &exchanges)?;
    written.extend(answers::write(&case.folder, &lines)?);
    case.settings.grants.recorded = if exchanges.is_empty() { responses_before } else { exchanges };
    case.models = if lines.is_empty() { answers_before } else { answers::recorded(lines) };
    Ok(written)
}

/// Runs a case while its requests are recorded.
///
/// # Errors
/// The case cannot be run, or the run fails in another way than the case expects.
fn run_once(component: &LoadedComponent, case: &Case, recorder: &Recorder) -> Result<(), Problem> {
    let problem = match Subject::new(component, case, Some(recorder)) {
        Ok(subject) => match (Subject { is_recording: true, ..subject }).run(Batching::Largest) {
            Ok(_) => None,
            Err(failure) if failure.kind == FailureKind::Model => Some(Problem::Failed(failure)),
            Err(failure) => failed(case, failure, None),
        },
        Err(Unready::Broken(problem)) => Some(problem),
        Err(Unready::Failed { failure, diagnostics }) => failed(case, failure, diagnostics),
    };
    problem.map_or(Ok(()), Err)
}

/// Runs a case and compares the output. With `update`, rows that differ are written instead of reported.
pub(super) fn judge(component: &LoadedComponent, case: &Case, update: bool) -> Verdict {
    let mut verdict = Verdict::default();
    let recorder = Recorder::counting();
    let subject = match Subject::new(component, case, Some(&recorder)) {
        Ok(subject) => subject,
        Err(Unready::Broken(problem)) => {
            verdict.problems.push(problem);
            return verdict;
        }
        Err(Unready::Failed { failure, diagnostics }) => {
            verdict.problems.extend(failed(case, failure, diagnostics));
            return verdict;
        }
    };
    verdict.rows_in = subject.input.count();
    let started = Instant::now();
    let result = subject.run(Batching::Largest);
    verdict.elapsed = started.elapsed();
    let output = match result {
        Ok(output) => output,
        Err(failure) => {
            verdict.problems.extend(failed(case, failure, None));
            return verdict;
        }
    };
    verdict.rows_out = output.rows.len();
    verdict.peak_memory = Some(output.peak_memory);
    match &case.expected {
        // A rejected row fails a run, unless the pipeline file configures otherwise.
        Expected::Failure(expected) => {
            let file = case.folder.join(EXPECTED_FAILURE);
            let none = || Some(Problem::NotFailed { file, kind: expected.kind, rows: output.rows.len() });
            let rejected = output.rejected.first().cloned().map(Box::new);
            verdict.problems.extend(rejected.map_or_else(none, |rejected| mismatch(case, expected, rejected)));
        }
        Expected::Nothing | Expected::Rows { .. } if update => match update::write(case, &output) {
            Ok(updated) => verdict.updated = updated,
            Err(problem) => verdict.problems.push(problem),
        },
        Expected::Nothing => {
            let (folder, rows) = (case.folder.clone(), output.rows.len());
            verdict.problems.push(Problem::NothingExpected { folder, rows });
        }
        Expected::Rows { rows, rejects } => verdict.problems.extend(compare(case, rows, rejects, &output)),
    }
    let checks = checks(&case.settings, component.manifest().kind, seed(&case.folder));
    if recorder.requests() > 0 {
        // A server may answer in another way each time, which would say nothing about the step.
        verdict.unchecked = checks.into_iter().map(|(check, _)| check).collect();
        return verdict;
    }
    for (check, batching) in checks {
        verdict.problems.extend(repeat(&subject, check, batching, &output));
    }
    verdict
}

/// Returns the problem of a failure, or `None` if it is the expected one.
fn failed(case: &Case, failure: Box<Failure>, diagnostics: Option<Diagnostics>) -> Option<Problem> {
    match (&case.expected, diagnostics) {
        (Expected::Failure(expected), _) => mismatch(case, expected, failure),
        (_, Some(diagnostics)) => Some(Problem::Diagnostics(diagnostics)),
        (_, None) => Some(Problem::Failed(failure)),
    }
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
        let display = |row: Option<u64>| row.map_or_else(|| "none".to_owned(), |row| row.to_string());
        wrong.push(("row", display(expected.row), display(row)));
    }
    let file = case.folder.join(EXPECTED_FAILURE);
    (!wrong.is_empty()).then_some(Problem::OtherFailure { file, wrong, failure })
}

/// Returns the checks of a case with output rows.
fn checks(settings: &CaseTable, kind: StepKind, seed: u64) -> Vec<(CheckName, Batching)> {
    let on = settings.checks;
    let mut checks = Vec::new();
    if on.determinism {
        checks.push((CheckName::Determinism, Batching::Largest));
    }
    // A source has no batches, and batches of one row cannot have other sizes.
    if kind != StepKind::Source && settings.batch_rows > 1 {
        if on.single_rows {
            checks.push((CheckName::SingleRows, Batching::SingleRows));
        }
        if on.random_batches {
            checks.push((CheckName::RandomBatches, Batching::Random(seed)));
        }
    }
    checks
}

/// Runs the case again and compares the output with the first run.
fn repeat(subject: &Subject, check: CheckName, batching: Batching, first: &CaseOutput) -> Option<Problem> {
    let output = match subject.run(batching) {
        Ok(output) => output,
        Err(failure) if failure.kind == FailureKind::Interrupted => return Some(Problem::Failed(failure)),
        Err(failure) => return Some(Problem::DependsFailed { check, failure }),
    };
    let lines = |output: &CaseOutput| (from_output(&output.rows), rejection_lines(&output.rejected));
    if output.rows == first.rows && rejection_lines(&output.rejected) == rejection_lines(&first.rejected) {
        return None;
    }
    let ((rows, rejected), (first_rows, first_rejected)) = (lines(&output), lines(first));
    let difference = Difference::between(&first_rows, &rows)
        .or_else(|| Difference::between(&first_rejected, &rejected))
        // Only the bytes differ, for example in the order of keys of a JSON column.
        .unwrap_or(Difference { expected: first.rows.len(), actual: output.rows.len(), rows: Vec::new(), omitted: 0 });
    Some(Problem::Depends { check, difference })
}

/// Returns a seed that depends only on the name of the case.
fn seed(folder: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    folder.file_name().hash(&mut hasher);
    hasher.finish()
}
