//! `--trace`: a trace of the threads for Perfetto, valid however the run ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rustix::process::Signal;
use serde_json::Value;
use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP, COUNT_FROM, KEEP_LONG, TAKE_TIME};

use crate::harness::{Events, Folder, PipelineFile, end, pipeline, send, spawn, step, wait_until};

/// The slices of a trace.
fn slices(folder: &Folder) -> Vec<Value> {
    let trace: Value = serde_json::from_str(&folder.text("trace.json")).expect("the trace is JSON");
    let events = trace["traceEvents"].as_array().expect("it has events");
    let threads: BTreeSet<_> = events.iter().filter(|event| event["name"] == "thread_name").map(thread).collect();
    let slices: Vec<_> = events.iter().filter(|event| event["ph"] == "X").cloned().collect();
    assert!(slices.iter().all(|slice| threads.contains(&thread(slice))), "a thread has no name");
    slices
}

fn thread(event: &Value) -> u64 {
    event["tid"].as_u64().expect("it is a number")
}

/// The begin and the end of a slice, in nanoseconds.
fn times(slice: &Value) -> (u64, u64) {
    let nanoseconds = |key: &str| (slice[key].as_f64().expect("it is a number") * 1e3).round() as u64;
    (nanoseconds("ts"), nanoseconds("ts") + nanoseconds("dur"))
}

/// Fails the test unless the slices of each thread contain each other or are apart.
fn assert_nested(slices: &[Value]) {
    let mut threads: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
    for slice in slices {
        threads.entry(thread(slice)).or_default().push(times(slice));
    }
    for times in threads.values_mut() {
        times.sort_by_key(|(begin, end)| (*begin, u64::MAX - end));
        let mut open: Vec<u64> = Vec::new();
        for (begin, end) in times {
            open.retain(|outer| *outer > *begin);
            assert!(open.iter().all(|outer| *outer >= *end), "a slice ends after the one around it");
            open.push(*end);
        }
    }
}

#[test]
fn a_trace_has_a_slice_for_each_batch_of_each_step() {
    let folder = Folder::with(&[ADD_COLUMN, KEEP_LONG, TAKE_TIME]);
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a b\\u009b\"}\n".repeat(10));
    let slow = step("take_time").parameters("end-ms = 20");
    let steps = PipelineFile::new().batch_rows(2).add(step("keep_long")).add(step("add_column")).add(slow);
    folder.run_with(steps, ["--trace", "trace.json", "--threads", "2"]).succeeded();
    let slices = slices(&folder);
    assert_nested(&slices);
    for name in ["keep_long", "add_column"] {
        let calls = slices.iter().filter(|slice| slice["name"] == name && slice["args"]["function"] == "process");
        let batches: BTreeSet<_> =
            calls.map(|slice| (slice["args"]["batch"].as_u64(), slice["args"]["rows"].as_u64())).collect();
        assert_eq!(batches, (0..5).map(|batch| (Some(batch), Some(2))).collect(), "{name}");
    }
    let has = |category: &str, name: &str| slices.iter().any(|slice| slice["cat"] == category && slice["name"] == name);
    assert!(has("batch", "batch 4") && has("convert", "decode") && has("convert", "encode for a spill file"));
    assert!(has("write", "write") && has("read", "read") && has("wait", "wait for a timer"));
}

#[test]
fn a_trace_is_valid_after_a_signal_and_has_the_work_that_it_ended() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "{\"id\":0}\n{\"id\":3}\n");
    folder.write_pipeline(pipeline("input.jsonl", &["bad_loop"], "output.jsonl").batch_rows(1));
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--message-format", "json", "--trace", "trace.json"]);
    let mut child = spawn(&mut command);
    let mut events = Events::new(&mut child);
    events.wait_for("progress");
    send(&child, Signal::INT);
    events.wait_for("finished");
    assert_eq!(end(child), Some(130));
    let slices = slices(&folder);
    assert_nested(&slices);
    assert!(slices.iter().any(|slice| slice["name"] == "bad_loop" && slice["args"]["batch"] == 1), "{slices:?}");
}

#[test]
fn a_trace_of_a_killed_run_is_valid() {
    let folder = Folder::with(&[COUNT_FROM]);
    let numbers = step("count_from").name("numbers").parameters(format_args!("count = {}", i64::MAX));
    folder.write_pipeline(PipelineFile::new().batch_rows(7).without_source().add(numbers));
    let child = spawn(folder.command().args(["run", "pipeline.toml", "--trace", "trace.json", "--progress", "none"]));
    let length = || fs::metadata(folder.join("trace.json")).map_or(0, |file| file.len());
    wait_until("the trace was written twice", || length() > 100 << 10);
    send(&child, Signal::KILL);
    assert_eq!(end(child), None);
    assert_nested(&slices(&folder));
}

#[test]
fn a_trace_that_cannot_be_written_is_an_error() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"text\":\"a\",\"id\":1}\n");
    let pipeline = || pipeline("input.jsonl", &["add_column"], "output.jsonl");
    let message = folder.run_with(pipeline(), ["--trace", "missing/trace.json"]).failed(2);
    insta::assert_snapshot!(message, @r"
    error: cannot write the trace to missing/trace.json
      caused by: No such file or directory (os error 2)
    ");
    let message = folder.run_with(pipeline(), ["--trace", "output.jsonl"]).failed(2);
    assert!(message.contains("--trace") && message.contains("output.jsonl"), "{message}");
}

#[test]
fn a_run_that_is_rejected_leaves_an_earlier_trace_as_it_is() {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write("input.jsonl", "{\"text\":\"ab\"}\n");
    folder.write("trace.json", "earlier");
    let pipeline = PipelineFile::new().add(step("keep_long").parameters("min-bytes = -1"));
    folder.run_with(pipeline, ["--trace", "trace.json"]).failed(2);
    assert_eq!(folder.text("trace.json"), "earlier");
    folder.run_with(PipelineFile::new().add(step("keep_long")), ["--trace", "trace.json"]).succeeded();
    assert!(!slices(&folder).is_empty());
}

#[test]
fn a_trace_cannot_be_a_pipe() {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write("input.jsonl", "{\"text\":\"ab\"}\n");
    let status = std::process::Command::new("mkfifo").arg(folder.join("pipe")).status().expect("coreutils are there");
    assert!(status.success());
    let message = folder.run_with(PipelineFile::new().add(step("keep_long")), ["--trace", "pipe"]).failed(2);
    assert!(message.contains("it is a pipe"), "{message}");
}
