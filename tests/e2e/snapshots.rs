//! Snapshots of steps that take long to bind: made while a run needs them, and used by it and by later runs.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use rustix::process::Signal;
use serde_json::{Value, json};
use stillbox::{CleanupRegistry, Engine, Limits};
use stillbox_test_guests::BUILD_TABLE;

use crate::harness::rows::with_ids;
use crate::harness::{Folder, Outcome, PipelineFile, end, outcome, send, spawn, step, wait_until};

/// The message of `--verbose` when instances start from a snapshot.
const USED: &str = "instances start from a snapshot";

/// A folder with a pipeline of single rows, whose step takes some ten milliseconds to bind.
fn folder(rows: u64) -> Folder {
    let folder = Folder::with(&[BUILD_TABLE]);
    folder.write("input.jsonl", with_ids(10..10 + rows));
    folder.write_pipeline(pipeline(20_000));
    folder
}

fn pipeline(entries: u64) -> PipelineFile {
    PipelineFile::new().batch_rows(1).add(step("build_table").parameters(format!("entries = \"{entries}\"")))
}

fn command(folder: &Folder, cache: &str) -> Command {
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "-v", "--threads", "2", "--cache-dir", cache]);
    command
}

fn run(folder: &Folder, cache: &str) -> (Outcome, String) {
    let outcome = outcome(&mut command(folder, cache)).succeeded();
    (outcome, folder.text("output.jsonl"))
}

/// The entry of the snapshot, which has a note.
fn entry(folder: &Folder) -> PathBuf {
    let entries = fs::read_dir(folder.join("cache")).unwrap().map(|entry| entry.unwrap().path());
    let is_snapshot = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(b"\"refused\":null".len()).any(|part| part == b"\"refused\":null")
    };
    let mut snapshots =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "cwasm") && is_snapshot(path));
    let snapshot = snapshots.next().expect("there is a snapshot");
    assert_eq!(snapshots.next(), None);
    snapshot
}

/// Returns whether a process makes a snapshot. It is found by its time limit, which no other one has.
fn is_making(time: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("it is there").filter_map(Result::ok);
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let contains = |line: &[u8], text: &str| line.windows(text.len()).any(|part| part == text.as_bytes());
    lines.any(|line| contains(&line, "snapshot:") && contains(&line, time))
}

#[test]
fn a_step_that_takes_long_to_bind_gets_a_snapshot_which_changes_nothing_else() {
    // Ends long before the last row is bound: from the moment at which there is a snapshot a row takes no time.
    let folder = folder(4000);
    let (first, expected) = run(&folder, "cache");
    assert!(first.stderr.contains(USED), "{}", first.stderr);
    let (second, output) = run(&folder, "cache");
    assert!(second.stderr.contains(USED), "{}", second.stderr);
    assert!(output == expected);

    // The same rows without a snapshot: instructions are counted, those of `bind`, too.
    let rows = expected.lines().take(30).collect::<Vec<_>>();
    folder.write("input.jsonl", with_ids(10..40));
    folder.write_pipeline(pipeline(20_000).limits("fuel = 10_000_000_000"));
    let (counted, output) = run(&folder, "cache");
    assert!(!counted.stderr.contains(USED), "{}", counted.stderr);
    assert_eq!(output.lines().collect::<Vec<_>>(), rows);

    // A failure has what `bind` has logged, and the line of the author.
    folder.write_pipeline(pipeline(20_000));
    folder.write("input.jsonl", with_ids(3..4));
    let failed = outcome(command(&folder, "cache").args(["--failures", "failures.jsonl"]));
    assert!(failed.stderr.contains(USED), "{}", failed.stderr);
    failed.failed(1);
    let record: Value = serde_json::from_str(&folder.text("failures.jsonl")).unwrap();
    assert_eq!(record["kind"], "panic");
    assert_eq!(record["log"][0]["message"], "a table of 20000 entries");
    let file = record["location"]["file"].as_str().unwrap();
    assert!(file.ends_with("build_table.rs"), "{record}");

    // Other parameters have a snapshot of their own.
    folder.write("input.jsonl", with_ids(10..40));
    folder.write_pipeline(pipeline(19_999));
    assert!(!run(&folder, "cache").0.stderr.contains(USED));

    // A corrupt entry is a miss.
    folder.write_pipeline(pipeline(20_000));
    let entry = entry(&folder);
    let mut bytes = fs::read(&entry).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&entry, bytes).unwrap();
    let (corrupt, output) = run(&folder, "cache");
    assert!(!corrupt.stderr.contains(USED), "{}", corrupt.stderr);
    assert_eq!(output.lines().collect::<Vec<_>>(), rows);
}

#[test]
fn a_signal_ends_the_process_that_makes_a_snapshot() {
    let folder = folder(4000);
    let is_making = || is_making("3723457ms");
    folder.write_pipeline(pipeline(100_000).limits("compile-time = \"3723457ms\""));
    let child = spawn(&mut command(&folder, "cache"));
    wait_until("a process makes the snapshot", is_making);
    send(&child, Signal::INT);
    assert_eq!(end(child), Some(130));
    wait_until("the process has ended", || !is_making());
}

#[test]
fn the_process_that_makes_a_snapshot_ends_with_the_step_that_needs_it() {
    let folder = folder(1);
    let is_making = || is_making("3723458ms");
    let engine = Engine::builder()
        .compiler(env!("CARGO_BIN_EXE_stillbox"), ["compile-component"], &CleanupRegistry::new())
        .compile_cache(folder.join("cache"))
        .build();
    let mut limits = Limits::default();
    limits.compile_time = Duration::from_millis(3_723_458);
    let column: ArrayRef = Arc::new(Int64Array::from(vec![10]));
    let batch = RecordBatch::try_from_iter([("id", column)]).unwrap();
    let parameters = json!({ "entries": "1000000" }).as_object().cloned().unwrap();
    let step = engine.step(BUILD_TABLE).parameters(parameters).limits(limits).bind(&batch.schema()).unwrap();
    wait_until("a process makes the snapshot", || {
        step.call(&batch).unwrap();
        is_making()
    });
    drop(step);
    wait_until("the process has ended", || !is_making());
    // It did not end because the snapshot was made: binding takes as long as a call.
    assert_eq!(fs::read_dir(folder.join("cache")).unwrap().count(), 1);
}

#[test]
fn a_process_that_compiles_ends_when_nobody_reads_its_answer() {
    let folder = Folder::new();
    let mut command = folder.command();
    command.args(["compile-component", "snapshot:no-fuel,pooled", "1073741824", "1h"]);
    let mut child = spawn(command.stdin(Stdio::piped()));
    // Its input has not ended either.
    let _stdin = child.stdin.take();
    drop(child.stdout.take());
    assert_eq!(end(child), Some(1));
}
