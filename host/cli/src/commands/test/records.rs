//! Results of cases as JSON: one line for each case, and one at the end.

use std::time::Duration;

use anstream::adapter::strip_str;
use serde_json::{Value, json};
use stillbox::text::folder_name;
use stillbox_author::cases::{CaseReport, Difference, Problem, RowDifference, TestReport};

use super::text::problem_text;
use crate::output::errors;
use crate::output::failure::causes;

/// The numbers of finished cases.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CaseCounts {
    pub(super) passed: usize,
    pub(super) failed: usize,
}

/// Creates the event of a case. The status is `passed`, `updated` or `failed`. In paths, invalid UTF-8 is replaced.
pub(super) fn case(case: &CaseReport) -> Value {
    let status = match (case.passed(), case.updated.is_empty()) {
        (false, _) => "failed",
        (true, true) => "passed",
        (true, false) => "updated",
    };
    let problems: Vec<Value> = case.problems.iter().map(|problem| problem_value(problem, case)).collect();
    json!({
        "event": "case",
        "step": &*case.step,
        "case": case.name,
        "folder": case.folder.to_string_lossy(),
        "status": status,
        "rows_in": case.rows_in,
        "rows_out": case.rows_out,
        "elapsed_ms": milliseconds(case.elapsed),
        "peak_memory": case.peak_memory,
        "updated": case.updated.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
        "unchecked": case.unchecked.iter().map(|check| check.name()).collect::<Vec<_>>(),
        "problems": problems,
        "attempts": case.earlier_attempts.len() + 1,
    })
}

/// Creates the last event after all cases have run.
pub(super) fn end(report: &TestReport, elapsed: Duration) -> Value {
    let passed = report.cases.iter().filter(|case| case.passed()).count();
    let untested = report.steps.iter().map(|(step, problem)| {
        json!({ "step": folder_name(step), "message": problem.to_string(), "causes": causes(problem) })
    });
    json!({
        "event": "finished",
        "status": "done",
        "passed": passed,
        "failed": report.cases.len() - passed,
        "flaky": report.cases.iter().filter(|case| case.is_flaky()).count(),
        "not_run": report.not_run,
        "left_out": report.filtered + report.in_other_shards,
        "untested": untested.collect::<Vec<_>>(),
        "elapsed_ms": milliseconds(elapsed),
    })
}

/// Creates the last event if not all cases have run. The status is `interrupted` or `failed`.
pub(super) fn ended(status: &str, counts: CaseCounts, elapsed: Duration) -> Value {
    json!({
        "event": "finished",
        "status": status,
        "passed": counts.passed,
        "failed": counts.failed,
        "elapsed_ms": milliseconds(elapsed),
    })
}

fn problem_value(problem: &Problem, case: &CaseReport) -> Value {
    let message = strip_str(&problem_text(problem, case)).to_string();
    let (kind, detail) = match problem {
        Problem::Diagnostics(diagnostics) => ("complaint", json!({ "errors": errors::from_diagnostics(diagnostics) })),
        Problem::Unreadable { file, .. } => ("unreadable", json!({ "file": file.to_string_lossy() })),
        Problem::Input(_) => ("input", Value::Null),
        Problem::Line { file, line, .. } => ("line", json!({ "file": file.to_string_lossy(), "line": line })),
        Problem::Failed(failure) => ("failure", json!({ "failure": failure })),
        Problem::NotFailed { file, kind, .. } => {
            ("no-failure", json!({ "file": file.to_string_lossy(), "expected": kind }))
        }
        Problem::OtherFailure { file, failure, .. } => {
            ("other-failure", json!({ "file": file.to_string_lossy(), "failure": failure }))
        }
        Problem::Rows { file, difference } => {
            ("rows", json!({ "file": file.to_string_lossy(), "differences": rows(difference) }))
        }
        Problem::Rejects { file, difference, .. } => {
            ("rejects", json!({ "file": file.to_string_lossy(), "differences": rows(difference) }))
        }
        Problem::NothingExpected { .. } => ("nothing-expected", Value::Null),
        Problem::Depends { check, difference } => {
            ("check", json!({ "check": check.name(), "differences": rows(difference) }))
        }
        Problem::DependsFailed { check, failure } => ("check", json!({ "check": check.name(), "failure": failure })),
        _ => ("other", Value::Null),
    };
    json!({ "kind": kind, "message": message.trim_end(), "detail": detail })
}

fn rows(difference: &Difference) -> Value {
    let row = |row: &RowDifference| match row {
        RowDifference::Value { row, line, column, expected, actual } => {
            json!({ "row": row, "line": line, "column": column, "expected": expected, "actual": actual })
        }
        RowDifference::Missing { line, row } => json!({ "line": line, "expected": row }),
        RowDifference::Surplus { row, values } => json!({ "row": row, "actual": values }),
    };
    difference.rows.iter().map(row).collect()
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
