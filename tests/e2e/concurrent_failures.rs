//! Batches that run at the same time: a failure ends the other batches at once, and a time limit ends only its own batch.
//!
//! Two steps get one row each. A guest that loops or waits does so for an hour, unless it is stopped.

use serde_json::{Value, json};
use stillbox_test_guests::{BAD_ALLOCATE, BAD_LOOP, BAD_PANIC, BAD_SLEEP, REFUSE};

use crate::harness::{Folder, PipelineFile, Table, end, rows, sink, source, spawn, step, wat};

/// A limit that only a failing test would reach.
const HOUR: &str = "time = \"1h\"";

/// A pipeline whose rows alternate between two steps, and are combined again.
fn alternating(first: Table, second: Table) -> PipelineFile {
    PipelineFile::new()
        .batch_rows(1)
        .add(source("input.jsonl").set("route", r#"{ to = ["first", "second"], by = "round-robin" }"#))
        .add(first.name("first"))
        .add(second.name("second"))
        .add(sink("output.jsonl").from(&["first", "second"]).combine("rows"))
}

/// A folder with rows at which guests misbehave, and a guest that polls.
fn folder(rows: usize) -> Folder {
    let folder = Folder::with(&[BAD_ALLOCATE, BAD_LOOP, BAD_PANIC, BAD_SLEEP, REFUSE]);
    folder.write("polls.wasm", wat::step("(call $wait)", ""));
    folder.write("input.jsonl", rows::with_ids(vec![3; rows]));
    folder
}

/// Runs the pipeline to its end, and returns its failure records.
fn failures(folder: &Folder, pipeline: &PipelineFile, code: i32) -> Vec<Value> {
    folder.write_pipeline(pipeline);
    let mut command = folder.command();
    let child = spawn(command.args(["run", "pipeline.toml", "--threads", "3", "--failures", "failures.jsonl"]));
    assert_eq!(end(child), Some(code), "{pipeline}");
    folder.json_lines("failures.jsonl")
}

#[test]
fn a_failure_cancels_batches_that_run_at_the_same_time() {
    // The longest wait before a retry is a minute.
    let later = step("refuse").parameters("id = 3, until = 99999999999999").on_failure("retry = 100");
    for (guest, first, rows) in [
        ("bad_loop", step("bad_loop").limits(HOUR), 2),
        ("bad_sleep", step("bad_sleep").limits(HOUR), 2),
        ("bad_allocate", step("bad_allocate").limits(HOUR), 2),
        ("polls", step("polls").limits(HOUR), 2),
        ("refuse", later, 2),
        // The third row waits for the instance of the first row.
        ("bad_loop", step("bad_loop").set("concurrency", 1).limits(HOUR), 3),
    ] {
        let folder = folder(rows);
        let records = failures(&folder, &alternating(first, step("bad_panic")), 1);
        let [record] = &records[..] else { panic!("{guest}: {records:#?}") };
        assert_eq!((&record["kind"], &record["step"]), (&json!("panic"), &json!("second")), "{guest}");
        assert!(!folder.contains("output.jsonl"), "{guest}");
    }
}

#[test]
fn the_time_limit_of_a_step_does_not_end_another_step() {
    for guest in ["bad_loop", "bad_sleep"] {
        let folder = folder(2);
        let limited = |time| step(guest).limits(format_args!("time = {time:?}")).on_failure("reject");
        let pipeline = alternating(limited("200ms"), limited("1500ms")).rejects();
        let records = failures(&folder, &pipeline, 0);
        let limits: Vec<_> = records.iter().map(|record| &record["limit"]["value"]).collect();
        assert_eq!(limits, ["200ms", "1500ms"], "{guest}: {records:#?}");
        assert!(records[1]["elapsed_ms"].as_f64().is_some_and(|elapsed| elapsed >= 1500.0), "{guest}: {records:#?}");
    }
}
