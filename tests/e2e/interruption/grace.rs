//! The grace of steps that are called outside of tasks: sources and aggregates.

use std::sync::Arc;
use std::time::Duration;

use stillbox::{Event, Interrupt, Options, Pipeline, Report, RunError, Signal};
use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP_IN_FINISH, COUNT_FROM};

use super::{SIGNALS, begun, end, send};
use crate::command::{Folder, pipeline};

/// What is done in a run that is interrupted when the first batch has been written.
fn interrupted(folder: &Folder, grace: Duration) -> Report {
    interrupted_when(folder, grace, |_| true)
}

/// What is done in a run that is interrupted as soon as its numbers are such.
fn interrupted_when(folder: &Folder, grace: Duration, is_time: fn(&Report) -> bool) -> Report {
    let interrupt = Interrupt::new();
    let options = Options {
        interrupt: interrupt.clone(),
        grace,
        threads: Some(2),
        on_event: Some(Arc::new(move |event| {
            if matches!(event, Event::Progress { report, .. } if is_time(report)) {
                interrupt.trigger(Signal::Interrupt);
            }
        })),
        ..Options::default()
    };
    let file = Pipeline::from_file(folder.join("pipeline.toml")).expect("the file is right");
    match file.run(&options) {
        Err(RunError::Interrupted { signal: Signal::Interrupt, failures, report }) => {
            assert!(failures.is_empty(), "{failures:#?}");
            *report
        }
        other => panic!("it was not interrupted: {other:?}"),
    }
}

/// The source has rows for years, and the grace is an hour: the run ends because nothing more is asked of it.
#[test]
fn what_a_source_made_goes_its_way_within_the_grace() {
    let folder = Folder::with(&[COUNT_FROM, ADD_COLUMN]);
    folder.write(
        "pipeline.toml",
        format!(
            "[pipeline]\nname = \"made\"\nbatch-rows = 2\n\n\
             [[step]]\nname = \"numbers\"\ncomponent = \"count_from.wasm\"\nparameters = {{ count = {}, at-once = 2 }}\n\n\
             [[step]]\nname = \"length\"\ncomponent = \"add_column.wasm\"\n\n[[sink]]\npath = \"output.jsonl\"\n",
            i64::MAX
        ),
    );
    let report = interrupted(&folder, Duration::from_hours(1));
    let [numbers, length] = &report.steps[..] else { panic!("there are two steps: {report:#?}") };
    assert!(numbers.rows_out >= 2, "{report:#?}");
    assert_eq!((length.rows_in, length.rows_out), (numbers.rows_out, numbers.rows_out), "{report:#?}");
    assert!(!folder.join("output.jsonl").exists());
}

/// Its last call has no end of its own.
#[test]
fn an_aggregate_is_stopped_after_the_grace() {
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
fn a_grace_ends_with_the_call_of_an_aggregate() {
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
fn an_aggregate_is_stopped_in_the_middle_of_a_batch() {
    let folder = Folder::new();
    let text = include_str!("../wat/step.wat")
        .replace("\"\\01\\00\\00\\00\" \"\\49", "\"\\02\\00\\00\\00\" \"\\49")
        .replace(";; BODY", "(if (global.get $called) (then (call $wait)))\n(global.set $called (i32.const 1))");
    folder.write("guest.wasm", wat::parse_str(text).expect("the text is WebAssembly"));
    folder.write("input.jsonl", "{\"id\":0}\n".repeat(4));
    let text = pipeline("input.jsonl", &["guest"], "output.jsonl");
    folder.write("pipeline.toml", text.replace("[[source]]", "batch-rows = 2\n\n[[source]]"));
    // What was handed over before is counted when the call has ended.
    interrupted_when(&folder, Duration::from_millis(200), |report| report.steps[0].rows_in > 0);
    assert!(!folder.join("output.jsonl").exists());
}
