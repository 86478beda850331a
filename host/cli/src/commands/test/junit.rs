//! The `JUnit` report: a test suite for each step, a test case for each case.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anstream::adapter::strip_str;
use anyhow::Context as _;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use stillbox::text::escape_controls_in_lines;
use stillbox_author::cases::{CaseReport, TestReport};

use super::text::problem_text;
use crate::output::failure::causes;

/// Writes the report.
///
/// # Errors
/// Returns an error if the file cannot be written.
pub(super) fn write(path: &Path, report: &TestReport, elapsed: Duration) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        document(&mut Writer::new_with_indent(&mut file, b' ', 2), report, elapsed)?;
        file.write_all(b"\n")?;
        file.flush()
    };
    write().with_context(|| cannot_write(path))
}

/// Returns the message for a report that cannot be written.
pub(super) fn cannot_write(path: &Path) -> String {
    format!("cannot write the report to {}", path.display())
}

fn document(xml: &mut Writer<impl Write>, report: &TestReport, elapsed: Duration) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let (tests, failures, errors) =
        (report.cases.len().to_string(), failed(&report.cases).to_string(), report.steps.len().to_string());
    let all = xml.create_element("testsuites").with_attributes([
        ("name", "stillbox"),
        ("tests", &*tests),
        ("failures", &*failures),
        ("errors", &*errors),
        ("time", &*seconds(elapsed)),
    ]);
    all.write_inner_content(|xml| {
        for (step, problem) in &report.steps {
            let name = text(&step.display().to_string());
            let suite = xml.create_element("testsuite").with_attributes([
                ("name", &*name),
                ("tests", "1"),
                ("failures", "0"),
                ("errors", "1"),
            ]);
            suite.write_inner_content(|xml| {
                let case = xml.create_element("testcase").with_attributes([("name", "(all)"), ("classname", &*name)]);
                let words: Vec<String> = std::iter::once(problem.to_string()).chain(causes(problem)).collect();
                case.write_inner_content(|xml| reason(xml, "error", &words.join("\n  caused by: "))).map(drop)
            })?;
        }
        for cases in report.cases.chunk_by(|one, other| one.step == other.step) {
            suite(xml, cases)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn suite(xml: &mut Writer<impl Write>, cases: &[CaseReport]) -> io::Result<()> {
    let (tests, failures) = (cases.len().to_string(), failed(cases).to_string());
    let time = seconds(cases.iter().map(|case| case.elapsed).sum());
    let suite = xml.create_element("testsuite").with_attributes([
        ("name", &*text(&cases[0].step)),
        ("tests", &*tests),
        ("failures", &*failures),
        ("errors", "0"),
        ("time", &*time),
    ]);
    suite.write_inner_content(|xml| {
        for case in cases {
            let element = xml.create_element("testcase").with_attributes([
                ("name", &*text(&case.name)),
                ("classname", &*text(&case.step)),
                ("time", &*seconds(case.elapsed)),
            ]);
            if case.passed() {
                element.write_empty()?;
            } else {
                let problems: String = case.problems.iter().map(|problem| problem_text(problem, case)).collect();
                element.write_inner_content(|xml| reason(xml, "failure", &strip_str(&problems).to_string()))?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Writes why a case failed: the first line as the message, and the whole text.
fn reason(xml: &mut Writer<impl Write>, kind: &str, words: &str) -> io::Result<()> {
    let words = text(words);
    let first = words.lines().next().unwrap_or_default();
    xml.create_element(kind).with_attribute(("message", first)).write_text_content(BytesText::new(&words))?;
    Ok(())
}

/// Escapes control characters as visible text, because XML cannot represent them, not even as entities.
fn text(words: &str) -> String {
    escape_controls_in_lines(words).into_owned()
}

fn failed(cases: &[CaseReport]) -> usize {
    cases.iter().filter(|case| !case.passed()).count()
}

fn seconds(duration: Duration) -> String {
    format!("{:.6}", duration.as_secs_f64())
}
