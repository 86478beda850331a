//! Limits of steps that share a pipeline, or a component.

use stillbox::Failure;
use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP, BAD_LOOP_IN_FINISH, BAD_LOOP_IN_MANIFEST};

use crate::harness::{Folder, pipeline};

/// Too little for any step.
const LITTLE: &str = "limits = { fuel = 1000 }\n";
/// Enough for the few rows here.
const MUCH: &str = "limits = { fuel = 100_000_000 }\n";

fn folder(guests: &[&str]) -> Folder {
    let folder = Folder::with(guests);
    folder.write("input.jsonl", "{\"id\":3,\"text\":\"a\"}\n");
    folder
}

/// The record of what ended the run.
fn failure(folder: &Folder, pipeline: &str, arguments: &[&str]) -> Failure {
    let all = [&["--failures", "failures.jsonl"], arguments].concat();
    folder.run_with(pipeline, all).failed(1);
    let records = folder.text("failures.jsonl");
    serde_json::from_str(records.lines().next().expect("there is a record")).expect("a record is JSON")
}

fn assert_fuel(failure: &Failure, value: &str) {
    assert_eq!(failure.kind, stillbox::FailureKind::Fuel, "{failure:#?}");
    let limit = failure.limit.as_ref().map(|limit| (&*limit.name, &*limit.value));
    assert_eq!(limit, Some(("fuel", value)));
}

#[test]
fn a_step_that_exceeds_its_fuel_limit_fails() {
    let folder = folder(&[BAD_LOOP]);
    let text = pipeline("input.jsonl", &["bad_loop"], "output.jsonl");
    let of_step = text.replace(".wasm\"\n", &format!(".wasm\"\n{MUCH}"));
    assert_fuel(&failure(&folder, &of_step, &[]), "100000000");
    let of_pipeline = format!("{MUCH}{text}");
    assert_fuel(&failure(&folder, &of_pipeline, &[]), "100000000");
    assert_fuel(&failure(&folder, &text, &["--limit", "bad_loop.fuel=90000000"]), "90000000");
}

#[test]
fn steps_with_and_without_a_fuel_limit_run_in_one_pipeline() {
    let folder = folder(&[ADD_COLUMN]);
    let step = "[[step]]\nname = \"first\"\ncomponent = \"add_column.wasm\"\n";
    for limits in ["", MUCH] {
        let text = pipeline("input.jsonl", &["add_column"], "output.jsonl")
            .replace("[[step]]", &format!("{step}{limits}[[step]]"));
        folder.run(&text.replacen("\"add_column\"", "\"second\"", 1)).succeeded();
    }
    let unlimited = pipeline("input.jsonl", &["add_column"], "output.jsonl");
    folder.run(&unlimited.replace(".wasm\"\n", &format!(".wasm\"\n{MUCH}"))).succeeded();
    folder.run(&unlimited.replace(".wasm\"\n", &format!(".wasm\"\n{LITTLE}"))).failed(2);
}

#[test]
fn the_time_limit_of_a_step_applies_to_its_manifest() {
    let folder = folder(&[BAD_LOOP_IN_MANIFEST]);
    let text = pipeline("input.jsonl", &["bad_loop_in_manifest"], "output.jsonl");
    let limited = text.replace(".wasm\"\n", ".wasm\"\nlimits = { time = \"1500ms\" }\n");
    let message = folder.run(&limited).failed(2);
    assert!(message.contains("within 1500ms"), "{message}");
}

/// An aggregate is called by no task.
#[test]
fn an_exceeded_time_limit_is_reported_as_written() {
    let folder = folder(&[BAD_LOOP_IN_FINISH]);
    let text = pipeline("input.jsonl", &["bad_loop_in_finish"], "output.jsonl");
    let limited = text.replace(".wasm\"\n", ".wasm\"\nlimits = { time = \"1100ms\" }\n");
    let failure = failure(&folder, &limited, &[]);
    assert_eq!(failure.limit.map(|limit| limit.value).as_deref(), Some("1100ms"));
    assert!(failure.hint.is_some_and(|hint| hint.contains("`time = \"1100ms\"`")));
}

#[test]
fn the_output_bytes_limit_is_exact() {
    let folder = folder(&[ADD_COLUMN]);
    let text = pipeline("input.jsonl", &["add_column"], "output.jsonl");
    let limited =
        |bytes: usize| text.replace(".wasm\"\n", &format!(".wasm\"\nlimits = {{ output-bytes = \"{bytes}B\" }}\n"));
    // One integer is all there is.
    folder.run(&limited(8)).succeeded();
    let failure = failure(&folder, &limited(7), &[]);
    assert_eq!(failure.kind, stillbox::FailureKind::BadOutput, "{failure:#?}");
    insta::assert_snapshot!(failure.message, @r#"it returned 8 bytes, but the limit is `output-bytes = "7B"`"#);
    assert_eq!(failure.limit.map(|limit| limit.value).as_deref(), Some("7B"));
}
