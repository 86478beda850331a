//! Texts of guests are escaped on the terminal and in JSON.

use super::{failure, folder, handwritten, pipeline, rejecting};
use crate::harness::schemas::{assert_is_event, assert_is_record};
use crate::harness::{Folder, Outcome, PipelineFile, component_step, rows, source};

/// Control characters, and characters that reorder a line.
fn is_unfit(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[track_caller]
fn assert_fit(text: &str) {
    assert!(!text.is_empty());
    let unfit: Vec<_> = text.lines().filter(|line| line.contains(is_unfit) || is_forged(line)).collect();
    assert!(unfit.is_empty(), "{unfit:#?}");
}

/// Whether a line is a command to a system that shows it as the log of a job, or looks like a line of Stillbox. The guests write such
/// lines.
fn is_forged(line: &str) -> bool {
    let is_command = line.trim_start().starts_with("::")
        || ["##[", "##vso[", "##teamcity["].iter().any(|start| line.contains(start));
    is_command || line.starts_with("  at: input.jsonl:1 ") || line.starts_with("section_start:")
}

/// Checks lines of JSON, and returns their values.
#[track_caller]
fn values(text: &str) -> Vec<serde_json::Value> {
    assert_fit(text);
    rows::json_lines(text)
}

fn run(folder: &Folder, pipeline: PipelineFile, arguments: &[&str]) -> Outcome {
    let outcome = folder.run_with(pipeline, arguments.iter().copied());
    assert_fit(&outcome.stderr);
    outcome
}

#[test]
fn messages_and_logs_of_guests_are_escaped() {
    let stderr = run(&folder("escapes"), pipeline(""), &["-v"]).failed(1);
    let words = ["message", "first cause", "second cause", "file", "trace", "hint", "log", "stderr", "stdout"];
    assert!(stderr.lines().any(|line| line.starts_with("  log: ") && line.contains(": log \\u{1b}[2J")), "{stderr}");
    for word in words {
        assert!(stderr.contains(&format!("{word} \\u{{1b}}[2J")), "{word} is not in {stderr}");
    }
}

#[test]
fn messages_of_panics_and_rejected_parameters_are_escaped() {
    let stderr = run(&folder("escapes_in_panic"), pipeline(""), &["-v"]).failed(1);
    for word in ["panic in step guest: message", "file"] {
        assert!(stderr.contains(&format!("{word} \\u{{1b}}[2J")), "{word} is not in {stderr}");
    }
    let folder = folder("escapes_in_bind");
    let outcome = run(&folder, pipeline(""), &["-v", "--failures", "failures.jsonl", "--message-format", "json"]);
    for event in values(outcome.text()) {
        assert_is_event(&event);
    }
    values(&folder.text("failures.jsonl")).iter().for_each(assert_is_record);
    let stderr = outcome.failed(2);
    for word in ["message", "first cause", "second cause", "hint"] {
        assert!(stderr.contains(&format!("{word} \\u{{1b}}[2J")), "{word} is not in {stderr}");
    }
    let check = folder.stillbox(["check", "pipeline.toml", "--json"]);
    assert_fit(check.text());
    assert_fit(&check.failed(2));
    assert_fit(&folder.stillbox(["inspect", "guest.wasm", "--parameters", "{}"]).failed(2));
}

#[test]
fn failure_records_escape_control_characters_without_loss() {
    let folder = folder("escapes");
    let failed = failure(&folder, &pipeline(""));
    let outcome = run(&folder, pipeline(""), &["--failures", "failures.jsonl", "--message-format", "json"]);
    let events = values(outcome.text());
    let event = events.iter().find(|event| event["event"] == "failure").expect("the failure is an event");
    assert_eq!(event["failure"]["message"], *failed.message);
    let [record] = &values(&folder.text("failures.jsonl"))[..] else { panic!("there is one failure") };
    assert_eq!(record["hint"].as_str(), failed.hint.as_deref());

    run(&folder, rejecting(""), &[]).succeeded();
    let [reject] = &values(&folder.text("rejects.jsonl"))[..] else { panic!("there is one reject") };
    assert_eq!(reject["failure"]["causes"], serde_json::json!(failed.causes));
}

#[test]
fn inspect_escapes_control_characters_of_a_manifest() {
    let folder = folder("escapes");
    let text = folder.stillbox(["inspect", "guest.wasm"]).succeeded();
    assert_fit(text.text());
    for word in ["name", "version", "summary", "a", "b", "c", "d", "string"] {
        assert!(text.text().contains(&format!("{word} \\u{{")), "{word} is not in {}", text.text());
    }
    // A name of two lines does not look like a heading.
    assert_eq!(text.text().lines().filter(|line| *line == "imports").count(), 1, "{}", text.text());
    let json = folder.stillbox(["inspect", "guest.wasm", "--json"]).succeeded();
    assert_fit(json.text());
    let value = json.json();
    assert!(value["name"].as_str().is_some_and(|name| name.contains('\u{9b}')));
}

/// The schema is valid JSON, but not a JSON Schema.
#[test]
fn inspect_shows_a_parameter_schema_that_is_not_a_json_schema() {
    let folder = folder("odd_schema");
    folder.write_pipeline(pipeline(""));
    folder.stillbox(["check", "pipeline.toml"]).succeeded();
    let outcome = folder.stillbox(["inspect", "guest.wasm"]).succeeded();
    let (_, parameters) = outcome.text().split_once("parameters\n").expect("there is such a section");
    let (parameters, _) = parameters.split_once("\n\n").expect("another follows");
    insta::assert_snapshot!(parameters, @"
    a  any, optional
    b  any, optional
    c  any, optional
    ");
    folder.stillbox(["inspect", "guest.wasm", "--json"]).succeeded();
}

#[test]
fn check_escapes_control_characters_of_column_names() {
    let folder = folder("escapes_in_columns");
    run(&folder, pipeline(""), &[]).failed(1);
    let graph = folder.stillbox(["check", "pipeline.toml"]).succeeded();
    assert_fit(graph.text());
    let json = folder.stillbox(["check", "pipeline.toml", "--json"]).succeeded();
    assert_fit(json.text());
}

#[test]
fn backtraces_escape_control_characters_of_function_names() {
    let folder = handwritten::folder_with(
        "(call $\"a\\1b[2J\\u{9b}1A\\u{202e}\")",
        "(func $\"a\\1b[2J\\u{9b}1A\\u{202e}\" unreachable)",
    );
    let outcome = run(&folder, pipeline(""), &["-vv", "--failures", "failures.jsonl", "--message-format", "json"]);
    values(outcome.text());
    // Batches that failed at the same time have records too.
    let records = values(&folder.text("failures.jsonl"));
    let innermost = &records[0]["backtrace"][0]["function"];
    assert_eq!(innermost, "a\u{1b}[2J\u{9b}1A\u{202e}", "{records:?}");
    run(&folder, pipeline(""), &["-vv"]).failed(1);
}

/// Names come from files, from the header of a table, and from the folders of cases.
#[test]
fn names_cannot_give_commands_or_imitate_lines() {
    const NAME: &str = "a\n::error::b\r##[group]\u{202e}\u{9b}1A";
    let folder = Folder::new();
    let guest = folder.join(&format!("{NAME}.wasm"));
    std::os::unix::fs::symlink(stillbox_test_guests::ADD_COLUMN, &guest).expect("the folder is new");
    folder.write("input.csv", format!("text,\"{NAME}\",::add-mask::c\nx,1,2\n"));
    folder.write(&format!("{NAME}.csv"), "text\n\"\n");
    let step = component_step("guest", &format!("{NAME}.wasm")).parameters(format!("{NAME:?} = 1"));
    let pipeline = |input: &str| PipelineFile::new().name(&NAME.replace('\r', "")).add(source(input)).add(step.clone());
    for input in ["input.csv", &format!("{NAME}.csv"), "missing\n::error::x.csv"] {
        folder.write_pipeline(pipeline(input));
        for command in ["check", "graph", "run"] {
            let outcome = folder.stillbox([command, "pipeline.toml", "-vv"]);
            let text = [outcome.text(), &outcome.stderr].concat();
            assert_fit(&text);
        }
        let outcome = folder.stillbox(["graph", "pipeline.toml", "--format", "svg"]);
        assert!(!outcome.text().contains(is_unfit), "{}", outcome.text());
    }
    let runs = folder.stillbox(["runs"]).succeeded();
    assert_fit(runs.text());
}

#[test]
fn a_failed_case_marks_the_lines_of_the_step() {
    let folder = Folder::new();
    let name = "a\n::error::b##[group]";
    folder.write("step/Cargo.toml", "[package]\nname = \"step\"\nversion = \"0.1.0\"\n");
    for file in ["input.jsonl", "expected.jsonl"] {
        folder.write(&format!("step/cases/{name}/{file}"), "{\"id\":3}\n");
    }
    let arguments = ["test", "step", "--component", stillbox_test_guests::BAD_ESCAPES, "--junit", "report.xml"];
    assert_fit(&folder.stillbox(arguments).failed(1));
    assert_fit(&folder.text("report.xml"));
    let json = folder.stillbox(arguments.into_iter().chain(["--message-format", "json"]));
    values(json.text());
}
