//! What came of the cases, for machines: a line of JSON for each, and one at the end.

use std::io::{self, Write as _};
use std::time::Duration;

use anstream::adapter::strip_str;
use serde_json::{Value, json};
use stillbox::{CaseReport, Difference, Problem, RowDifference, TestReport, escape_controls_in_json};

use super::text::of_problem;

/// Tells of a case: its status is `passed`, `updated` or `failed`.
pub(super) fn case(case: &CaseReport) {
    let status = match (case.passed(), case.updated.is_empty()) {
        (false, _) => "failed",
        (true, true) => "passed",
        (true, false) => "updated",
    };
    let problems: Vec<Value> = case.problems.iter().map(|problem| of(problem, case)).collect();
    print(&json!({
        "event": "case",
        "step": &*case.step,
        "case": case.name,
        "folder": case.folder,
        "status": status,
        "rows_in": case.rows_in,
        "rows_out": case.rows_out,
        "elapsed_ms": milliseconds(case.elapsed),
        "peak_memory": case.peak_memory,
        "updated": case.updated,
        "problems": problems,
    }));
}

/// Tells of the end.
pub(super) fn end(report: &TestReport, elapsed: Duration) {
    let passed = report.cases.iter().filter(|case| case.passed()).count();
    let untested = report.steps.iter().map(|(step, problem)| json!({ "step": step, "message": problem.to_string() }));
    print(&json!({
        "event": "finished",
        "passed": passed,
        "failed": report.cases.len() - passed,
        "left_out": report.filtered,
        "untested": untested.collect::<Vec<_>>(),
        "elapsed_ms": milliseconds(elapsed),
    }));
}

fn of(problem: &Problem, case: &CaseReport) -> Value {
    let message = strip_str(&of_problem(problem, case)).to_string();
    let (kind, detail) = match problem {
        Problem::Complaints(_) => ("complaint", Value::Null),
        Problem::Unreadable { file, .. } => ("unreadable", json!({ "file": file })),
        Problem::Input(_) => ("input", Value::Null),
        Problem::Line { file, line, .. } => ("line", json!({ "file": file, "line": line })),
        Problem::Failed(failure) => ("failure", json!({ "failure": failure })),
        Problem::NotFailed { file, kind, .. } => ("no-failure", json!({ "file": file, "expected": kind })),
        Problem::OtherFailure { file, failure, .. } => ("other-failure", json!({ "file": file, "failure": failure })),
        Problem::Rows { file, difference } => ("rows", json!({ "file": file, "differences": rows(difference) })),
        Problem::Rejects { file, difference, .. } => {
            ("rejects", json!({ "file": file, "differences": rows(difference) }))
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

/// Whoever reads this may have gone; the tests do not depend on that.
fn print(value: &Value) {
    let line = format!("{}\n", escape_controls_in_json(&value.to_string()));
    let _ = io::stdout().lock().write_all(line.as_bytes());
}
