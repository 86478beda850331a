//! Every report of a run whose texts are hostile, large or absent.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::json;
use stillbox::model::ModelUsage;
use stillbox::report::{SinkReport, StepReport};
use stillbox::{Failure, Report};

use super::evidence::{Collector, Evidence, RunEnd, RunVerdict};
use super::{annotations, html, junit, step_summary};

/// A text that tries to leave its place in every format.
const HOSTILE: &str = "a</dd></details></style><script>alert(1)</script><img src=x onerror=alert(2)>\" onload=\"alert(3)' \
                       ]]>--><!-- &lt; `b` | c @d [e](javascript:f)\n::error file=g::h\r\n##[error]i\u{1b}[2J\u{202e}";

fn failure(message: &str, kind: &str) -> Failure {
    let record = json!({
        "version": 1, "attempt": 1, "kind": kind, "step": HOSTILE, "message": message, "causes": [HOSTILE],
        "row": { "index": 0, "file": HOSTILE, "line": 3 }, "location": { "file": HOSTILE, "line": 4, "column": 5 },
        "hint": HOSTILE,
    });
    serde_json::from_value(record).expect("it is a record")
}

fn evidence(verdict: RunVerdict, rejected: &[Failure], ended: &[Failure]) -> Evidence {
    let collector = Collector::new();
    for failure in rejected {
        collector.rejected(failure);
    }
    collector.warning(HOSTILE);
    let mut report = Report::default();
    let mut step = StepReport::new(HOSTILE.into());
    (step.rows_in, step.rows_out, step.dropped, step.rejected) = (1000, 800, 150, 50);
    report.rows_in = 1000;
    report.steps = vec![step];
    let mut model = ModelUsage::default();
    (model.name, model.requests, model.cost) = (HOSTILE.into(), 1000, Some(0.5));
    report.models = vec![model];
    report.sinks = vec![SinkReport::new(HOSTILE.into(), false)];
    let environment = super::environment(Path::new(HOSTILE), SystemTime::UNIX_EPOCH, 2, &str::to_owned);
    let sentence = HOSTILE.to_owned();
    collector.finish(HOSTILE, &RunEnd { verdict, sentence, report: &report, failures: ended, environment })
}

/// All kinds of failures, each with a hostile text.
fn hostile() -> Evidence {
    evidence(RunVerdict::Failed, &[failure(HOSTILE, "guest-error")], &[failure(HOSTILE, "panic")])
}

/// The elements of a page, in order: the name, and whether it has attributes other than those that the page itself uses.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default()).collect()
}

#[test]
fn hostile_texts_are_no_elements_and_no_attributes_of_the_page() {
    let page = html::page(&hostile());
    let known = ["class", "style", "open", "lang", "charset", "http-equiv", "content", "name"];
    for tag in tags(&page) {
        assert!(!tag.starts_with("script") && !tag.starts_with("img"), "{tag}");
        for attribute in tag.split('"').step_by(2).filter_map(|part| part.strip_suffix('=')) {
            let name = attribute.rsplit(' ').next().unwrap_or_default();
            assert!(known.contains(&name), "{name} in <{tag}>");
        }
    }
    assert!(page.contains("alert(1)"), "the text itself is there");
    assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'));
    // The same tags as with harmless texts.
    let count = |page: &str| tags(page).len();
    let harmless = page.matches("alert(1)").count();
    assert!(harmless > 8, "every field has it, {harmless}");
    assert_eq!(count(&page), count(&page.replace("alert", "")));
}

#[test]
fn the_page_loads_nothing_and_works_without_scripts() {
    let page = html::page(&hostile());
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    for tag in tags(&page) {
        assert!(!["src=", "href=", "url("].iter().any(|loads| tag.contains(loads)), "{tag}");
    }
}

#[test]
fn hostile_texts_give_no_commands_to_github() {
    let commands = annotations::commands(&hostile());
    let lines: Vec<&str> = commands.lines().collect();
    assert_eq!(lines.len(), 2, "{commands}");
    assert!(lines[0].starts_with("::error title=panic in step a</dd>"), "{commands}");
    assert!(lines[1].starts_with("::warning title=guest-error in step a</dd>"), "{commands}");
    for line in lines {
        let (properties, message) = line[2..].split_once("::").expect("it is a command");
        // A path that is not a file of the workspace has no place.
        assert!(!properties.contains(",file="), "{properties}");
        assert!(!properties[properties.find("title=").expect("it has one") + 6..].contains([',', ':']), "{properties}");
        assert!(!line.contains("##["), "{line}");
        assert!(message.contains("%0A"), "{message}");
    }
}

#[test]
fn a_thousand_messages_make_ten_annotations_and_a_bounded_page() {
    let letter = |number: usize| char::from(b'a' + (number % 26) as u8);
    let name = |number: usize| [number / 676, number / 26, number].map(letter).iter().collect::<String>();
    let rejected: Vec<Failure> = (0..1000)
        .flat_map(|number| {
            let text = format!("{}{}", name(number), HOSTILE.repeat(40));
            vec![failure(&text, "guest-error"); if number < 10 { 3 } else { 1 }]
        })
        .collect();
    let evidence = evidence(RunVerdict::Done, &rejected, &[]);
    let commands = annotations::commands(&evidence);
    let warnings: Vec<&str> = commands.lines().filter(|line| line.starts_with("::warning ")).collect();
    assert_eq!(warnings.len(), 10);
    assert!(warnings.iter().all(|line| line.contains(" 3 times")), "the largest groups are shown");
    assert!(commands.ends_with("::notice title=Stillbox::990 more failures with other messages are not shown here\n"));
    let page = html::page(&evidence);
    assert!(page.len() < 2 << 20, "{}", page.len());
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("summary.md");
    step_summary::append(&file, &evidence).expect("it can be written");
    assert!(std::fs::metadata(&file).expect("it was written").len() < 1 << 20);
    let xml = junit::document(&evidence).expect("it is XML");
    assert_eq!(xml.matches("<testsuite ").count(), 1);
    assert!(xml.contains("failures=\"0\""), "rejected rows of a run that passed are no failures");
}

#[test]
fn a_run_without_failures_has_a_page_and_no_annotations() {
    let evidence = evidence(RunVerdict::Done, &[], &[]);
    assert_eq!(annotations::commands(&evidence), "");
    let page = html::page(&evidence);
    assert!(page.contains("<b>Passed</b>") && page.contains("None."), "{page}");
    let xml = junit::document(&evidence).expect("it is XML");
    assert!(xml.contains("tests=\"1\"") && xml.contains("failures=\"0\""), "{xml}");
}

#[test]
fn a_summary_is_not_appended_to_a_file_that_would_be_too_large() {
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("summary.md");
    std::fs::write(&file, "x".repeat((1 << 20) - 10)).expect("it can be written");
    let error = step_summary::append(&file, &hostile()).expect_err("it is too large");
    assert!(error.to_string().contains("1 MiB"), "{error}");
}

#[test]
fn a_summary_has_one_line_for_each_item_whatever_the_texts() {
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("summary.md");
    step_summary::append(&file, &hostile()).expect("it can be written");
    let text = std::fs::read_to_string(&file).expect("it was written");
    assert!(!text.contains("<script") && !text.contains("@d") && !text.contains("](javascript"), "{text}");
    assert!(text.lines().all(|line| !line.starts_with("::")), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("| ")).count(), 2, "{text}");
}

#[test]
fn a_summary_has_a_line_for_each_model_that_was_used() {
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("summary.md");
    let mut evidence = hostile();
    let mut used = ModelUsage::default();
    (used.name, used.requests, used.retries) = ("writer".into(), 1000, 2);
    (used.input_tokens, used.output_tokens, used.cost) = (5000, 700, Some(0.5));
    let mut unused = ModelUsage::default();
    (unused.name, unused.requests) = ("idle".into(), 0);
    evidence.report.models.extend([used.clone(), unused]);
    step_summary::append(&file, &evidence).expect("it can be written");
    let text = std::fs::read_to_string(&file).expect("it was written");
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("- model ")).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("- model a&#60;&#47;dd&#62;"), "{text}");
    let expected = "- model writer: 1,000 requests &#40;2 retries&#41;, 5,000 tokens in, 700 out, cost 0&#46;5000";
    assert_eq!(lines[1], expected);
    evidence.report.models = vec![used; 25];
    std::fs::remove_file(&file).expect("it exists");
    step_summary::append(&file, &evidence).expect("it can be written");
    let text = std::fs::read_to_string(&file).expect("it was written");
    assert_eq!(text.matches("- model writer").count(), 20, "{text}");
    assert!(text.contains("\n- and 5 more models\n"), "{text}");
}

#[test]
fn a_long_run_has_its_rows_over_time() {
    let collector = Collector::new();
    let mut report = Report::default();
    for second in 1..=20 {
        (report.elapsed, report.rows_in) = (Duration::from_secs(second), second * 100);
        collector.progress(&report);
    }
    let end = RunEnd {
        verdict: RunVerdict::Stopped,
        sentence: "stopped by SIGINT".into(),
        report: &report,
        failures: &[],
        environment: Vec::new(),
    };
    let page = html::page(&collector.finish("long", &end));
    assert!(page.contains("Rows over time") && page.contains("2,000 rows") && page.contains("Stopped"), "{page}");
}
