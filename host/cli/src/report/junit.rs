//! The `JUnit` report of a run: a test suite for each step.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use stillbox::text::escape_controls;

use super::evidence::{Evidence, RunVerdict};
use super::groups::{Effect, FailureGroup};
use crate::output::xml::xml_text;

/// The number of groups of failures of one step.
const MAX_GROUPS: usize = 100;

/// Returns the report: for each step a case for the step as a whole, and one for each group of its failures. In a run that passed,
/// groups of rejected rows are skipped cases, because the pipeline allows them.
///
/// # Errors
/// A text cannot be written as XML.
pub(super) fn document(evidence: &Evidence) -> Result<String, quick_junit::SerializeError> {
    let mut document = Report::new(escape_controls(&evidence.pipeline));
    document.set_time(evidence.elapsed);
    let groups = evidence.failures.sorted();
    for step in &evidence.report.steps {
        let own: Vec<_> = groups.iter().filter(|group| group.step.as_ref() == Some(&step.name)).copied().collect();
        let mut suite = suite(&step.name, &own, evidence);
        suite.set_time(step.busy);
        document.add_test_suite(suite);
    }
    let has_suite =
        |group: &&&FailureGroup| evidence.report.steps.iter().any(|step| group.step.as_ref() == Some(&step.name));
    let others: Vec<_> = groups.iter().filter(|group| !has_suite(group)).copied().collect();
    let is_explained = groups.iter().any(|group| group.effect == Effect::Ended);
    if !others.is_empty() || (evidence.verdict != RunVerdict::Done && !is_explained) || evidence.report.steps.is_empty()
    {
        let mut suite = suite("pipeline", &others, evidence);
        if evidence.verdict != RunVerdict::Done && !is_explained {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(xml_text(&evidence.sentence));
            suite.add_test_case(TestCase::new("end", status));
        }
        document.add_test_suite(suite);
    }
    document.to_string()
}

fn suite(name: &str, groups: &[&FailureGroup], evidence: &Evidence) -> TestSuite {
    let name = escape_controls(name).into_owned();
    let mut suite = TestSuite::new(&*name);
    let ended = groups.iter().find(|group| group.effect == Effect::Ended);
    let mut status = TestCaseStatus::success();
    if let Some(group) = ended {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(xml_text(&group.message));
    }
    let mut whole = TestCase::new("run", status);
    whole.set_classname(&*name);
    suite.add_test_case(whole);
    for group in groups.iter().take(MAX_GROUPS) {
        let mut case = TestCase::new(xml_text(&group.title()), status_of(group, evidence.verdict));
        case.set_classname(&*name);
        suite.add_test_case(case);
    }
    if groups.len() > MAX_GROUPS {
        let message = format!("and {} more groups of failures", groups.len() - MAX_GROUPS);
        let mut status = TestCaseStatus::skipped();
        status.set_message(message);
        suite.add_test_case(TestCase::new("more", status));
    }
    suite
}

fn status_of(group: &FailureGroup, verdict: RunVerdict) -> TestCaseStatus {
    let mut status = if group.effect == Effect::Rejected && verdict == RunVerdict::Done {
        TestCaseStatus::skipped()
    } else {
        TestCaseStatus::non_success(NonSuccessKind::Failure)
    };
    let mut lines = vec![group.message.clone()];
    lines.extend(group.causes.iter().map(|cause| format!("caused by: {cause}")));
    lines.push(format!("at: {}", group.places()));
    lines.extend(group.location.as_ref().map(|location| format!("source: {location}")));
    lines.extend(group.hint.as_ref().map(|hint| format!("hint: {hint}")));
    status.set_message(xml_text(&group.message)).set_description(xml_text(&lines.join("\n")));
    status
}
