//! The grace of steps that are called outside of tasks: sources and aggregates.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stillbox::{
    Checkpointing, Engine, Event, Interrupt, Pipeline, Report, RunError, RunOptions, RunStore, Signal, Start,
};
use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP_IN_FINISH, COUNT_FROM, TAKE_TIME};

use super::{SIGNALS, begun, end, send};
use crate::harness::{Folder, PipelineFile, in_batches, pipeline, step};

/// What is done in a run that is interrupted when the first batch has been written.
fn interrupted(folder: &Folder, grace: Duration) -> Report {
    interrupted_when(folder, grace, |_| true)
}

/// What is done in a run that is interrupted as soon as its numbers are such.
fn interrupted_when(folder: &Folder, grace: Duration, is_time: fn(&Report) -> bool) -> Report {
    interrupted_with(folder, RunOptions::new().grace(grace), is_time)
}

/// The same with more options.
fn interrupted_with(
    folder: &Folder,
    options: RunOptions,
    is_time: impl Fn(&Report) -> bool + Send + Sync + 'static,
) -> Report {
    let interrupt = Interrupt::new();
    let options = options.interrupt(&interrupt).on_event(move |event| {
        if matches!(event, Event::Progress { report, .. } if is_time(report)) {
            interrupt.trigger(Signal::Interrupt);
        }
    });
    let file = Pipeline::from_file(folder.join("pipeline.toml")).expect("the file is right");
    match file.run(&Engine::builder().threads(2).build(), &options) {
        Err(RunError::Interrupted { signal: Signal::Interrupt, failures, report }) => {
            assert!(failures.is_empty(), "{failures:#?}");
            *report
        }
        other => panic!("it was not interrupted: {other:?}"),
    }
}

/// The source has rows for years, and the grace is an hour: the run ends because nothing more is asked of it.
#[test]
fn rows_of_a_source_step_pass_the_next_steps_within_the_grace() {
    let folder = Folder::with(&[COUNT_FROM, ADD_COLUMN]);
    let numbers = step("numbers", "count_from", &format!("parameters = {{ count = {}, at-once = 2 }}", i64::MAX));
    let steps = numbers + &step("length", "add_column", "");
    let pipeline = PipelineFile { batch_rows: Some(2), source: None, steps: &steps, ..PipelineFile::default() };
    folder.write("pipeline.toml", pipeline.to_string());
    let report = interrupted(&folder, Duration::from_hours(1));
    let [numbers, length] = &report.steps[..] else { panic!("there are two steps: {report:#?}") };
    assert!(numbers.rows_out >= 2, "{report:#?}");
    assert_eq!((length.rows_in, length.rows_out), (numbers.rows_out, numbers.rows_out), "{report:#?}");
    assert!(!folder.join("output.jsonl").exists());
}

/// Its last call has no end of its own.
#[test]
fn every_signal_ends_an_aggregate_after_the_grace() {
    for (signal, code) in SIGNALS {
        let (folder, child) = begun(BAD_LOOP_IN_FINISH, &["--grace", "300ms"]);
        send(&child, signal);
        assert_eq!(end(child), Some(code));
        assert_eq!(folder.text("output.jsonl"), "from before\n");
        assert_eq!(folder.names().len(), 4, "something was left behind: {:?}", folder.names());
    }
}

/// Neither does the grace outlast a call that its own limit ends, nor one that had not begun.
#[test]
fn the_grace_ends_when_the_call_of_an_aggregate_ends() {
    let arguments = ["--grace", "1h", "--limit", "bad_loop_in_finish.time=2s", "--failures", "failures.jsonl"];
    let (folder, child) = begun(BAD_LOOP_IN_FINISH, &arguments);
    send(&child, SIGNALS[0].0);
    assert_eq!(end(child), Some(130));
    for record in folder.text("failures.jsonl").lines() {
        let record: serde_json::Value = serde_json::from_str(record).expect("a record is JSON");
        assert_eq!((&record["kind"], &record["step"]), (&"timeout".into(), &"bad_loop_in_finish".into()));
    }
}

/// The second batch is handed to an aggregate that waits for ten minutes.
#[test]
fn an_aggregate_is_stopped_within_a_batch_after_the_grace() {
    let folder = Folder::new();
    let text = include_str!("../wat/step.wat")
        .replace("\"\\01\\00\\00\\00\" \"\\49", "\"\\02\\00\\00\\00\" \"\\49")
        .replace(";; BODY", "(if (global.get $called) (then (call $wait)))\n(global.set $called (i32.const 1))");
    folder.write("guest.wasm", wat::parse_str(text).expect("the text is WebAssembly"));
    folder.write("input.jsonl", "{\"id\":0}\n".repeat(4));
    let text = pipeline("input.jsonl", &["guest"], "output.jsonl");
    folder.write("pipeline.toml", in_batches(2, &text));
    // What was handed over before is counted when the call has ended.
    interrupted_when(&folder, Duration::from_millis(200), |report| report.steps[0].rows_in > 0);
    assert!(!folder.join("output.jsonl").exists());
}

/// Rows, and an aggregate that takes its time for them.
fn slow(parameters: &str, rows: usize) -> Folder {
    let folder = Folder::with(&[TAKE_TIME]);
    folder.write("input.jsonl", "{\"id\":0}\n".repeat(rows));
    let text = pipeline("input.jsonl", &["take_time"], "output.jsonl")
        .replace("[[source]]", "batch-rows = 1\n\n[[source]]")
        .replace(".wasm\"", &format!(".wasm\"\nparameters = {{ {parameters} }}"));
    folder.write("pipeline.toml", text);
    folder
}

/// The grace is an hour: whatever is not cut short by it ends by itself.
#[test]
fn a_resumed_run_has_the_rows_that_an_aggregate_emitted_within_the_grace() {
    let folder = slow("end-ms = 500", 3);
    // It tells of each of its batches, and then of having seen that there are no more; its last call comes next.
    let told = AtomicUsize::new(0);
    let is_last = move |report: &Report| report.steps[0].rows_in == 3 && told.fetch_add(1, Ordering::Relaxed) == 1;
    let keep = |start| Checkpointing {
        start,
        checkpoint_every: Duration::ZERO,
        ..Checkpointing::at(RunStore::at(folder.state()))
    };
    let options = RunOptions::new().grace(Duration::from_hours(1)).checkpointing(keep(Start::New));
    let report = interrupted_with(&folder, options, is_last);
    assert_eq!((report.steps[0].rows_out, report.sinks[0].rows), (1, 1), "{report:#?}");
    assert!(report.resumable.is_some(), "{report:#?}");
    assert!(!folder.join("output.jsonl").exists());
    let file = Pipeline::from_file(folder.join("pipeline.toml")).expect("the file is right");
    file.run(&Engine::default(), &RunOptions::new().checkpointing(keep(Start::Resume))).expect("it goes on");
    assert_eq!(folder.text("output.jsonl"), "{\"id\":null,\"count\":3}\n");
}

/// All of them would take longer than anybody waits for a test.
#[test]
fn no_further_batch_of_an_aggregate_starts_within_the_grace() {
    let folder = slow("batch-ms = 20", 5000);
    let report = interrupted_when(&folder, Duration::from_hours(1), |report| report.steps[0].rows_in > 0);
    assert!((1..5000).contains(&report.steps[0].rows_in), "{report:#?}");
    assert_eq!(report.steps[0].rows_out, 0, "{report:#?}");
}
