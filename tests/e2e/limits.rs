//! Limits: which steps they apply to, and how a failure reports them.

use std::time::Duration;

use rustix::process::Signal;
use stillbox::Failure;
use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP, BAD_LOOP_IN_FINISH, BAD_LOOP_IN_MANIFEST, EXPAND_WORDS, TAKE_TIME};

use crate::harness::{Events, Folder, PipelineFile, end, send, spawn, step};

/// Too little for any step.
const LITTLE: &str = "fuel = 1000";
/// Enough for the few rows here.
const MUCH: &str = "fuel = 100_000_000";

fn folder(guests: &[&str]) -> Folder {
    let folder = Folder::with(guests);
    folder.write("input.jsonl", "{\"id\":3,\"text\":\"a\"}\n");
    folder
}

/// The first record of a run that fails.
fn failure(folder: &Folder, pipeline: PipelineFile, arguments: &[&str]) -> Failure {
    let all = [&["--failures", "failures.jsonl"], arguments].concat();
    folder.run_with(pipeline, all).failed(1);
    serde_json::from_value(folder.json_lines("failures.jsonl").swap_remove(0)).expect("it is a failure record")
}

fn assert_fuel(failure: &Failure, value: &str) {
    assert_eq!(failure.kind, stillbox::FailureKind::Fuel, "{failure:#?}");
    let limit = failure.limit.as_ref().map(|limit| (&*limit.name, &*limit.value));
    assert_eq!(limit, Some(("fuel", value)));
}

#[test]
fn a_step_that_exceeds_its_fuel_limit_fails() {
    let folder = folder(&[BAD_LOOP]);
    let limited_step = PipelineFile::new().add(step("bad_loop").limits(MUCH));
    assert_fuel(&failure(&folder, limited_step, &[]), "100000000");
    let pipeline = PipelineFile::new().add(step("bad_loop"));
    assert_fuel(&failure(&folder, pipeline.clone().limits(MUCH), &[]), "100000000");
    assert_fuel(&failure(&folder, pipeline, &["--limit", "bad_loop.fuel=90000000"]), "90000000");
}

#[test]
fn steps_with_and_without_a_fuel_limit_run_in_one_pipeline() {
    let folder = folder(&[ADD_COLUMN]);
    let second = || step("add_column").name("second");
    for first in [step("add_column"), step("add_column").limits(MUCH)] {
        folder.run(PipelineFile::new().add(first).add(second())).succeeded();
    }
    folder.run(PipelineFile::new().add(step("add_column").limits(MUCH))).succeeded();
    folder.run(PipelineFile::new().add(step("add_column").limits(LITTLE))).failed(2);
}

#[test]
fn the_time_limit_of_a_step_applies_to_its_manifest() {
    let folder = folder(&[BAD_LOOP_IN_MANIFEST]);
    let limited = step("bad_loop_in_manifest").limits("time = \"1500ms\"");
    let message = folder.run(PipelineFile::new().add(limited)).failed(2);
    assert!(message.contains("took too long while loading; the limit is `time = 1500ms`"), "{message}");
}

/// The calls of an aggregate are not tasks of a batch.
#[test]
fn an_exceeded_time_limit_is_reported_as_written() {
    let folder = folder(&[BAD_LOOP_IN_FINISH]);
    let limited = step("bad_loop_in_finish").limits("time = \"1100ms\"");
    let failure = failure(&folder, PipelineFile::new().add(limited), &[]);
    assert_eq!(failure.limit.map(|limit| limit.value).as_deref(), Some("1100ms"));
    assert!(failure.hint.is_some_and(|hint| hint.contains("`time = \"1100ms\"`")));
}

#[test]
fn the_output_bytes_limit_is_exact() {
    let folder = folder(&[ADD_COLUMN]);
    let limited =
        |bytes| PipelineFile::new().add(step("add_column").limits(format_args!("output-bytes = \"{bytes}B\"")));
    // The output is one integer.
    folder.run(limited(8)).succeeded();
    let failure = failure(&folder, limited(7), &[]);
    assert_eq!(failure.kind, stillbox::FailureKind::BadOutput, "{failure:#?}");
    insta::assert_snapshot!(failure.message, @r#"it returned 8 bytes, but the limit is `output-bytes = "7B"`"#);
    assert_eq!(failure.limit.map(|limit| limit.value).as_deref(), Some("7B"));
}

/// The guest works for a while in its one call, within its time limit; the process is stopped for longer than that.
#[test]
fn time_in_which_the_process_is_stopped_does_not_count() {
    let folder = folder(&[TAKE_TIME]);
    let slow = step("take_time").parameters("batch-ms = 1_000").limits("time = \"3s\"");
    folder.write_pipeline(PipelineFile::new().add(slow));
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--message-format", "json"]);
    let mut child = spawn(&mut command);
    let mut events = Events::new(&mut child);
    events.wait_for("started");
    send(&child, Signal::STOP);
    std::thread::sleep(Duration::from_secs(5));
    send(&child, Signal::CONT);
    events.wait_for("finished");
    assert_eq!(end(child), Some(0));
}

/// The batch is divided to find the row at fault, and the outputs of its parts count together.
#[test]
fn the_output_rows_limit_applies_to_a_divided_batch() {
    let folder = Folder::with(&[EXPAND_WORDS]);
    folder.write("input.jsonl", "{\"text\":\"a b\"}\n".repeat(4));
    let step = step("expand_words").on_failure("reject").limits("output-rows = 4");
    folder.run(PipelineFile::new().batch_rows(4).add(step).rejects()).succeeded();
    assert_eq!((folder.json_lines("output.jsonl").len(), folder.json_lines("rejects.jsonl").len()), (4, 2));
}
