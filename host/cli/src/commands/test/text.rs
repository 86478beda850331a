//! Results of cases as text.

use std::fmt::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value};
use stillbox::Failure;
use stillbox::text::{escape_controls, mark_lines, shell_word};
use stillbox_author::cases::{CaseReport, Difference, Problem, RowDifference};

use crate::output::diagnostics::{self, Colour};
use crate::output::failure;
use crate::output::style::{BOLD, ERROR, NOTE, STATUS, WARNING};
use crate::output::summary::{self, counted, duration, grouped, memory};

const EXPECTED: Style = AnsiColor::Red.on_default();
const ACTUAL: Style = AnsiColor::Green.on_default();

/// The maximum number of characters of a value that are shown, around the first difference.
const VALUE_CHARACTERS: usize = 100;
/// The number of these characters before the difference.
const BEFORE: usize = 30;

/// Returns one line with the result of a case, its name, its time and its memory.
pub(super) fn line(case: &CaseReport) -> String {
    let (style, verdict) = match (case.passed(), case.updated.is_empty()) {
        (false, _) => (ERROR, "FAIL"),
        _ if case.is_flaky() => (WARNING, "FLAKY"),
        (true, true) => (STATUS, "PASS"),
        (true, false) => (NOTE, "UPDATED"),
    };
    let memory = case.peak_memory.map_or_else(String::new, |bytes| format!(", {}", memory(bytes)));
    let name = format!("{}/{}", case.step, case.name);
    let mut line = format!("{style}{verdict:>10}{style:#} {}", escape_controls(&name));
    // An invalid case was not run.
    if !case.elapsed.is_zero() {
        let (rows_in, rows_out) = (grouped(case.rows_in as u64), grouped(case.rows_out as u64));
        let took = duration(case.elapsed);
        let _ = write!(line, "  {NOTE}{rows_in} -> {rows_out} rows, {took}{memory}{NOTE:#}");
    }
    if let attempts @ 2.. = case.earlier_attempts.len() + 1 {
        let _ = write!(line, "  {NOTE}{attempts} attempts{NOTE:#}");
    }
    line + "\n" + &unchecked(case)
}

/// Returns a line with the checks that were not made, or nothing.
fn unchecked(case: &CaseReport) -> String {
    if case.unchecked.is_empty() {
        return String::new();
    }
    let checks: Vec<_> = case.unchecked.iter().map(|check| format!("`{}`", check.name())).collect();
    let (what, step) = (checks.join(", "), step_word(case));
    let reason = "the responses to its requests are not recorded";
    let help = format!("`stillbox test --record {step}` records them");
    format!("{WARNING}{:>10}{WARNING:#} not checked: {what}, because {reason}; {help}\n", "warning")
}

/// Returns the folder of a step as a word of a command.
fn step_word(case: &CaseReport) -> String {
    // A case is in the folder `cases` of its step.
    let folder = case.folder.ancestors().nth(2).unwrap_or(&case.folder).display().to_string();
    escape_controls(&shell_word(if folder.is_empty() { "." } else { &folder })).into_owned()
}

/// Returns all problems of a case that failed, or those of the last attempt that failed of a flaky one.
pub(super) fn details(case: &CaseReport) -> String {
    let mut text = String::new();
    let name = format!("{}/{}", case.step, case.name);
    let (style, verdict) = if case.is_flaky() { (WARNING, "FLAKY") } else { (ERROR, "FAIL") };
    let _ = writeln!(text, "{style}{verdict}{style:#} {BOLD}{}{BOLD:#}", escape_controls(&name));
    let earlier = case.earlier_attempts.last().filter(|_| case.passed());
    for problem in earlier.unwrap_or(&case.problems) {
        for line in problem_text(problem, case).lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

/// Returns one problem of a case, in a few lines, with styles.
pub(super) fn problem_text(problem: &Problem, case: &CaseReport) -> String {
    let error = |text: &str| format!("{ERROR}error{ERROR:#}: {text}\n");
    match problem {
        Problem::Diagnostics(diagnostics) => diagnostics::render(diagnostics, Colour::On),
        Problem::Unreadable { file, message } => error(&format!("{}: {}", shown(file), escape_controls(message))),
        Problem::Input(message) => error(&escape_controls(message)),
        Problem::Line { file, line, message } => {
            error(&format!("{}:{line}: {}", shown(file), escape_controls(message)))
        }
        Problem::Failed(failure) => failure::failure_text(failure),
        Problem::NotFailed { file, kind, rows } => {
            format!(
                "{}: a failure of kind {kind} is expected, and {} came out\n",
                shown(file),
                summary::rows(*rows as u64)
            )
        }
        Problem::OtherFailure { file, wrong, failure } => other_failure(file, wrong) + &failure::failure_text(failure),
        Problem::Rows { file, difference } => totals(difference, "came out") + &rows(difference, Some(file), "row"),
        Problem::Rejects { file, difference, rejected } => {
            totals(difference, "rejected") + &rows(difference, Some(file), "rejection") + &places_of(rejected)
        }
        Problem::NothingExpected { folder, rows } => format!(
            "{} came out, but no rows are expected yet; review the rows that `stillbox test --update {}` writes to {}\n",
            summary::rows(*rows as u64),
            step_word(case),
            shown(&folder.join("expected.jsonl"))
        ),
        Problem::Depends { check, difference } => {
            format!("other rows came out {} (check `{}`)\n", check.description(), check.name())
                + &rows(difference, None, "row")
        }
        Problem::DependsFailed { check, failure } => {
            format!("the step failed {} (check `{}`)\n", check.description(), check.name())
                + &failure::failure_text(failure)
        }
        _ => String::from("the case failed\n"),
    }
}

/// Returns the fields in which a failure differs from the expected one.
fn other_failure(file: &Path, wrong: &[(&'static str, String, String)]) -> String {
    let mut text = String::new();
    for (key, expected, actual) in wrong {
        let _ = writeln!(text, "{}, `{key}`", shown(file));
        let _ = writeln!(text, "  {EXPECTED}- {}{EXPECTED:#}", escape_controls(expected));
        let _ = writeln!(text, "  {ACTUAL}+ {}{ACTUAL:#}", escape_controls(actual));
    }
    text
}

/// Returns where in the source of the step the first rows were rejected, and the causes. Of rows with the same message, the first is shown.
fn places_of(rejected: &[Failure]) -> String {
    let mut text = String::new();
    let is_same = |a: &Failure, b: &Failure| a.location == b.location && a.message == b.message && a.causes == b.causes;
    let is_first = |(number, failure): &(usize, &Failure)| {
        failure.location.is_some() && !rejected[..*number].iter().any(|before| is_same(before, failure))
    };
    for (number, failure) in rejected.iter().enumerate().filter(is_first).take(REJECTS_SHOWN) {
        let others = rejected[number + 1..].iter().filter(|other| is_same(other, failure)).count();
        let place = failure.location.as_ref().map(ToString::to_string).unwrap_or_default();
        let row = failure.row.as_ref().map(ToString::to_string).unwrap_or_default();
        let (row, place) = (escape_controls(&row), escape_controls(&place));
        let message = mark_lines(&failure.message);
        let others = match others {
            0 => String::new(),
            others => format!(" and {}", counted(others as u64, "more row", "more rows")),
        };
        let _ = writeln!(text, "{NOTE}rejected{NOTE:#}: {row}{others} at {place}: {message}");
        for cause in &failure.causes {
            let _ = writeln!(text, "  {NOTE}caused by{NOTE:#}: {}", mark_lines(cause));
        }
        if let Some(hint) = &failure.hint {
            let _ = writeln!(text, "  {NOTE}hint{NOTE:#}: {}", mark_lines(hint));
        }
    }
    text
}

/// The maximum number of rejected rows whose location in the source is shown.
const REJECTS_SHOWN: usize = 5;

fn totals(difference: &Difference, what: &str) -> String {
    let Difference { expected, actual, .. } = difference;
    if expected == actual {
        return String::new();
    }
    format!("{} {what}, {expected} expected\n", summary::rows(*actual as u64))
}

/// Returns the differences of rows, or of rejections.
fn rows(difference: &Difference, file: Option<&Path>, noun: &str) -> String {
    let mut text = String::new();
    let place = |line: &Option<usize>| match (file, line) {
        (Some(file), Some(line)) => format!("{}:{line}, ", shown(file)),
        (Some(file), None) => format!("{}, ", shown(file)),
        (None, _) => String::new(),
    };
    for row in &difference.rows {
        match row {
            RowDifference::Value { row, line, column, expected, actual } => {
                let (expected, actual) = values(expected.as_ref(), actual.as_ref());
                let _ = writeln!(text, "{}{noun} {row}, column \"{}\"", place(line), escape_controls(column));
                let _ = writeln!(text, "  {EXPECTED}- {expected}{EXPECTED:#}\n  {ACTUAL}+ {actual}{ACTUAL:#}");
            }
            RowDifference::Missing { line, row } => {
                let _ = writeln!(text, "{}a {noun} is missing", place(line));
                let _ = writeln!(text, "  {EXPECTED}- {}{EXPECTED:#}", whole(row));
            }
            RowDifference::Surplus { row, values } => {
                let _ = writeln!(text, "{}{noun} {row} is not expected", place(&None));
                let _ = writeln!(text, "  {ACTUAL}+ {}{ACTUAL:#}", whole(values));
            }
        }
    }
    if difference.omitted > 0 {
        let _ = writeln!(text, "and {}", counted(difference.omitted as u64, "more difference", "more differences"));
    }
    text
}

fn shown(file: &Path) -> String {
    escape_controls(&file.display().to_string()).into_owned()
}

fn whole(row: &Map<String, Value>) -> String {
    cut(&Value::Object(row.clone()).to_string(), 0)
}

/// Returns two values, each shortened to the part around their first difference.
fn values(expected: Option<&Value>, actual: Option<&Value>) -> (String, String) {
    let text = |value: Option<&Value>| value.map_or_else(|| "(no such column)".to_owned(), ToString::to_string);
    let (expected, actual) = (text(expected), text(actual));
    let same = expected.chars().zip(actual.chars()).take_while(|(one, other)| one == other).count();
    (cut(&expected, same), cut(&actual, same))
}

/// Returns the part of a text around a character, with `…` for omitted text.
fn cut(text: &str, at: usize) -> String {
    let characters = text.chars().count();
    if characters <= VALUE_CHARACTERS {
        return escape_controls(text).into_owned();
    }
    let start = at.saturating_sub(BEFORE).min(characters - VALUE_CHARACTERS);
    let middle: String = text.chars().skip(start).take(VALUE_CHARACTERS).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if start + VALUE_CHARACTERS < characters { "…" } else { "" };
    format!("{before}{}{after}", escape_controls(&middle))
}
