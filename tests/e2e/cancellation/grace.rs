//! The grace of source steps and aggregates, whose calls do not run as tasks of a batch.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stillbox::runs::{Checkpointing, RunStore, Start};
use stillbox::{CancelReason, Engine, Event, Interrupt, Report, RunError, RunOptions};
use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP_IN_FINISH, COUNT_FROM, TAKE_TIME};

use super::{assert_only_previous_output, started};
use crate::harness::{Folder, PipelineFile, SIGNALS, end, send, step, wat};

/// Runs the pipeline, interrupts it when the first batch has been written, and returns the report.
fn interrupted(folder: &Folder, grace: Duration) -> Report {
    interrupted_when(folder, grace, |_| true)
}

/// Interrupts the run as soon as its report meets a condition.
fn interrupted_when(folder: &Folder, grace: Duration, is_reached: fn(&Report) -> bool) -> Report {
    interrupted_with(folder, RunOptions::new().grace(grace), is_reached)
}

fn interrupted_with(
    folder: &Folder,
    options: RunOptions,
    is_reached: impl Fn(&Report) -> bool + Send + Sync + 'static,
) -> Report {
    let interrupt = Interrupt::new();
    let options = options.interrupt(&interrupt).on_event(move |event| {
        if matches!(event, Event::Progress { report, .. } if is_reached(report)) {
            interrupt.cancel();
        }
    });
    match folder.load().run(&Engine::builder().threads(2).build(), &options) {
        Err(RunError::Interrupted { reason: CancelReason::Program, failures, report, .. }) => {
            assert!(failures.is_empty(), "{failures:#?}");
            *report
        }
        other => panic!("it was not interrupted: {other:?}"),
    }
}

/// The source never ends, and the grace is an hour: the run ends because the source is not called again.
#[test]
fn rows_of_a_source_step_pass_the_next_steps_within_the_grace() {
    let folder = Folder::with(&[COUNT_FROM, ADD_COLUMN]);
    let numbers = step("count_from").name("numbers").parameters(format_args!("count = {}, at-once = 2", i64::MAX));
    folder.write_pipeline(PipelineFile::new().batch_rows(2).without_source().add(numbers).add(step("add_column")));
    let report = interrupted(&folder, Duration::from_hours(1));
    let [numbers, length] = &report.steps[..] else { panic!("there are two steps: {report:#?}") };
    assert!(numbers.rows_out >= 2, "{report:#?}");
    assert_eq!((length.rows_in, length.rows_out), (numbers.rows_out, numbers.rows_out), "{report:#?}");
    assert!(!folder.contains("output.jsonl"));
}

/// Its last call never returns.
#[test]
fn every_signal_ends_an_aggregate_after_the_grace() {
    for (signal, code) in SIGNALS {
        let (folder, child) = started(BAD_LOOP_IN_FINISH, &["--grace", "300ms"]);
        send(&child, signal);
        assert_eq!(end(child), Some(code));
        assert_only_previous_output(&folder);
    }
}

/// The grace does not outlast a call that its time limit ends, or a call that has not started.
#[test]
fn the_grace_ends_when_the_call_of_an_aggregate_ends() {
    let arguments = ["--grace", "1h", "--limit", "bad_loop_in_finish.time=2s", "--failures", "failures.jsonl"];
    let (folder, child) = started(BAD_LOOP_IN_FINISH, &arguments);
    send(&child, SIGNALS[0].0);
    assert_eq!(end(child), Some(130));
    for record in folder.json_lines("failures.jsonl") {
        assert_eq!((&record["kind"], &record["step"]), (&"timeout".into(), &"bad_loop_in_finish".into()));
    }
}

/// The aggregate waits for ten minutes in its second batch.
#[test]
fn an_aggregate_is_stopped_within_a_batch_after_the_grace() {
    let folder = Folder::new();
    let body = "(if (global.get $called) (then (call $wait)))\n(global.set $called (i32.const 1))";
    folder.write("guest.wasm", wat::aggregate(body));
    folder.write("input.jsonl", "{\"id\":0}\n".repeat(4));
    folder.write_pipeline(PipelineFile::new().batch_rows(2).add(step("guest")));
    // Rows of an earlier call are counted when that call has returned.
    interrupted_when(&folder, Duration::from_millis(200), |report| report.steps[0].rows_in > 0);
    assert!(!folder.contains("output.jsonl"));
}

/// A folder with rows, and a pipeline with an aggregate that takes time for them.
fn slow(parameters: &str, rows: usize) -> Folder {
    let folder = Folder::with(&[TAKE_TIME]);
    folder.write("input.jsonl", "{\"id\":0}\n".repeat(rows));
    folder.write_pipeline(PipelineFile::new().batch_rows(1).add(step("take_time").parameters(parameters)));
    folder
}

/// The grace is an hour, so it ends no call.
#[test]
fn a_resumed_run_has_the_rows_that_an_aggregate_emitted_within_the_grace() {
    let folder = slow("end-ms = 500", 3);
    // There is an event for each batch and one for the end of the input. The last call of the aggregate follows.
    let events = AtomicUsize::new(0);
    let is_last = move |report: &Report| report.steps[0].rows_in == 3 && events.fetch_add(1, Ordering::Relaxed) == 1;
    let keep = |start| Checkpointing::at(RunStore::at(folder.state())).start(start).checkpoint_every(Duration::ZERO);
    let options = RunOptions::new().grace(Duration::from_hours(1)).checkpointing(keep(Start::New));
    let report = interrupted_with(&folder, options, is_last);
    assert_eq!((report.steps[0].rows_out, report.sinks[0].rows), (1, 1), "{report:#?}");
    assert!(report.resumable.is_some(), "{report:#?}");
    assert!(!folder.contains("output.jsonl"));
    folder
        .load()
        .run(&Engine::default(), &RunOptions::new().checkpointing(keep(Start::Resume)))
        .expect("it can be resumed");
    assert_eq!(folder.text("output.jsonl"), "{\"id\":null,\"count\":3}\n");
}

/// All batches together would take 100 seconds.
#[test]
fn no_further_batch_of_an_aggregate_starts_within_the_grace() {
    let folder = slow("batch-ms = 20", 5000);
    let report = interrupted_when(&folder, Duration::from_hours(1), |report| report.steps[0].rows_in > 0);
    assert!((1..5000).contains(&report.steps[0].rows_in), "{report:#?}");
    assert_eq!(report.steps[0].rows_out, 0, "{report:#?}");
}
