//! Batches that are at work at the same time: the failure of one ends the others at once, and the limit of one ends no other.
//!
//! Two steps get a row each. Whoever loops or waits does so for an hour, unless it is stopped.

use serde_json::{Value, json};
use stillbox_test_guests::{BAD_ALLOCATE, BAD_LOOP, BAD_PANIC, BAD_SLEEP, REFUSE};

use crate::cancellation::end;
use crate::harness::{Folder, PipelineFile, spawn, step};

/// Long enough for a test that waits for it to fail.
const HOUR: &str = "limits = { time = \"1h\" }\n";

/// A pipeline whose rows go by turns to two steps, and come together again.
fn by_turns(first: &str, second: &str) -> String {
    PipelineFile {
        batch_rows: Some(1),
        source: Some("path = \"input.jsonl\"\nroute = { to = [\"first\", \"second\"], by = \"round-robin\" }"),
        steps: &(first.to_owned() + second),
        sink: "path = \"output.jsonl\"\nfrom = [\"first\", \"second\"]\ncombine = \"rows\"",
    }
    .to_string()
}

/// A folder with rows that guests misbehave at, and a guest that waits for several things, written by hand.
fn folder(rows: usize) -> Folder {
    let folder = Folder::with(&[BAD_ALLOCATE, BAD_LOOP, BAD_PANIC, BAD_SLEEP, REFUSE]);
    let waits = include_str!("wat/step.wat").replace(";; BODY", "(call $wait)");
    folder.write("waits.wasm", wat::parse_str(waits).expect("the text is WebAssembly"));
    folder.write("input.jsonl", "{\"id\":3}\n".repeat(rows));
    folder
}

/// Runs the pipeline to its end, which has to come in time, and returns the records of what failed.
fn failures(folder: &Folder, pipeline: &str, code: i32) -> Vec<Value> {
    folder.write("pipeline.toml", pipeline);
    let mut command = folder.command();
    let child = spawn(command.args(["run", "pipeline.toml", "--threads", "3", "--failures", "failures.jsonl"]));
    assert_eq!(end(child), Some(code), "{pipeline}");
    let records = folder.text("failures.jsonl");
    records.lines().map(|line| serde_json::from_str(line).expect("a record is JSON")).collect()
}

#[test]
fn a_failure_cancels_batches_that_run_at_the_same_time() {
    // Tried again when the longest wait is over, which is a minute.
    let later = "parameters = { id = 3, until = 99999999999999 }\non-failure = { retry = 100 }\n";
    let one = format!("concurrency = 1\n{HOUR}");
    for (guest, settings, rows) in [
        ("bad_loop", HOUR, 2),
        ("bad_sleep", HOUR, 2),
        ("bad_allocate", HOUR, 2),
        ("waits", HOUR, 2),
        ("refuse", later, 2),
        // The third row waits for the instance that the first has.
        ("bad_loop", one.as_str(), 3),
    ] {
        let folder = folder(rows);
        let pipeline = by_turns(&step("first", guest, settings), &step("second", "bad_panic", ""));
        let records = failures(&folder, &pipeline, 1);
        let [record] = &records[..] else { panic!("{guest}: {records:#?}") };
        assert_eq!((&record["kind"], &record["step"]), (&json!("panic"), &json!("second")), "{guest}");
        assert!(!folder.join("output.jsonl").exists(), "{guest}");
    }
}

#[test]
fn the_time_limit_of_a_step_does_not_end_another_step() {
    for guest in ["bad_loop", "bad_sleep"] {
        let folder = folder(2);
        let limited =
            |name, time| step(name, guest, &format!("limits = {{ time = \"{time}\" }}\non-failure = \"reject\"\n"));
        let pipeline = by_turns(&limited("first", "200ms"), &limited("second", "1500ms"))
            + "\n[rejects]\npath = \"rejects.jsonl\"\n";
        let records = failures(&folder, &pipeline, 0);
        let limits: Vec<_> = records.iter().map(|record| &record["limit"]["value"]).collect();
        assert_eq!(limits, ["200ms", "1500ms"], "{guest}: {records:#?}");
        assert!(records[1]["elapsed_ms"].as_f64().is_some_and(|elapsed| elapsed >= 1500.0), "{guest}: {records:#?}");
    }
}
