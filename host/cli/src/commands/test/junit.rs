//! The `JUnit` report: a test suite for each step, a test case for each case.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anstream::adapter::strip_str;
use anyhow::Context as _;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};
use stillbox::text::{escape_controls, folder_name};
use stillbox_author::cases::{CaseReport, Problem, StepProblem, TestReport};

use super::text::problem_text;
use crate::output::failure::error_text;
use crate::output::xml::xml_text;
use crate::report::cannot_write;

/// Writes the report.
///
/// # Errors
/// Returns an error if the file cannot be written.
pub(super) fn write(path: &Path, report: &TestReport, elapsed: Duration) -> anyhow::Result<()> {
    let xml = document(report, elapsed).to_string().with_context(|| cannot_write(path))?;
    fs::write(path, xml).with_context(|| cannot_write(path))
}

fn document(report: &TestReport, elapsed: Duration) -> Report {
    let mut document = Report::new("stillbox");
    document.set_time(elapsed);
    document.add_test_suites(report.steps.iter().map(|(step, problem)| untested(step, problem)));
    document.add_test_suites(report.cases.chunk_by(|one, other| one.step == other.step).map(suite));
    document
}

/// The suite of a step that could not be tested: one test case, which stands for all.
fn untested(step: &Path, problem: &StepProblem) -> TestSuite {
    let name = escape_controls(&folder_name(step)).into_owned();
    let mut case = TestCase::new("(all)", not_passed(NonSuccessKind::Error, &error_text(problem)));
    case.set_classname(&name);
    let mut suite = TestSuite::new(name);
    suite.add_test_case(case);
    suite
}

fn suite(cases: &[CaseReport]) -> TestSuite {
    let mut suite = TestSuite::new(escape_controls(&cases[0].step));
    suite.set_time(cases.iter().map(|case| case.elapsed).sum());
    suite.add_test_cases(cases.iter().map(|case| {
        let problems =
            |problems: &[Problem]| -> String { problems.iter().map(|problem| problem_text(problem, case)).collect() };
        let mut status = if case.passed() {
            TestCaseStatus::success()
        } else {
            not_passed(NonSuccessKind::Failure, &problems(&case.problems))
        };
        for attempt in &case.earlier_attempts {
            let words = xml_text(&strip_str(&problems(attempt)).to_string());
            let mut rerun = TestRerun::new(NonSuccessKind::Failure);
            rerun.set_message(words.lines().next().unwrap_or_default()).set_description(&words);
            status.add_rerun(rerun);
        }
        let mut test_case = TestCase::new(escape_controls(&case.name), status);
        test_case.set_classname(escape_controls(&case.step)).set_time(case.elapsed);
        test_case
    }));
    suite
}

/// The reason why a case did not pass: the first line as the message, and the whole text.
fn not_passed(kind: NonSuccessKind, styled: &str) -> TestCaseStatus {
    let words = xml_text(&strip_str(styled).to_string());
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(words.lines().next().unwrap_or_default()).set_description(&words);
    status
}
