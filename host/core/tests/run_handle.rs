//! Runs that are started, followed and cancelled by the program.

#[path = "../examples/run_handle.rs"]
#[expect(dead_code, reason = "`main` is for the example alone")]
mod run_handle;

use std::sync::Arc;

use stillbox::arrow::array::{RecordBatch, RecordBatchIterator, StringArray};
use stillbox::arrow::schema::ArrowError;
use stillbox::{CancelReason, Engine, OwnedEvent, Pipeline, RunError, RunOptions};
use stillbox_test_guests as guests;

/// A pipeline with this step between a source and a sink of the program.
fn pipeline(step: &str) -> Pipeline {
    let text = format!(
        "[pipeline]\nname = \"in-memory\"\nbatch-rows = 1\n[[source]]\npath = \"missing.jsonl\"\n\
         [[step]]\nname = \"step\"\ncomponent = \"{step}\"\n[[sink]]\npath = \"missing/out.jsonl\"\n"
    );
    Pipeline::from_text("pipeline.toml", &text).expect("it is right")
}

fn batch() -> RecordBatch {
    RecordBatch::try_from_iter([("text", Arc::new(StringArray::from(vec!["a text"])) as _)]).expect("one column")
}

/// Options with rows of the program, and a sink that takes them.
fn options(batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'static) -> RunOptions {
    let reader = RecordBatchIterator::new(batches, batch().schema());
    RunOptions::new().source("source", reader).sink("sink", |_| Ok(()))
}

#[test]
fn the_example_reads_a_pipeline_to_its_end() {
    let options = options((0..3).map(|_| Ok(batch())));
    let (report, is_cancelled) = run_handle::run_up_to(&pipeline(guests::KEEP_LONG), options, 100).expect("it runs");
    assert_eq!((report.rows_in, is_cancelled), (3, false));
}

/// The input has no end.
#[test]
fn the_example_cancels_a_run_after_a_number_of_rows() {
    let options = options(std::iter::repeat_with(|| Ok(batch())));
    let (report, is_cancelled) = run_handle::run_up_to(&pipeline(guests::KEEP_LONG), options, 5).expect("it runs");
    assert!(report.rows_in >= 5 && is_cancelled, "{report:#?}");
}

#[test]
fn the_events_of_a_run_begin_with_its_start_and_end_with_its_end() {
    let (listener, heard) = std::sync::mpsc::channel();
    let options = options((0..3).map(|_| Ok(batch()))).on_event(move |event| {
        let _ = listener.send(OwnedEvent::from(event));
    });
    let run = pipeline(guests::KEEP_LONG).start(&Engine::default(), options).expect("a thread starts");
    let events = run.events();
    run.wait().expect("it runs");
    let received: Vec<_> = events.collect();
    assert!(matches!(received.first(), Some(OwnedEvent::Compiling { .. })), "{received:#?}");
    let heard: Vec<_> = heard.try_iter().collect();
    assert_eq!(received.last(), heard.last(), "the listener hears the same events");
    assert!(
        matches!(received.last(), Some(OwnedEvent::Progress { report, .. }) if report.rows_in == 3),
        "{received:#?}"
    );
}

#[test]
fn the_events_of_a_run_that_fails_end_as_well() {
    let text = "[pipeline]\nname = \"wrong\"\n[[source]]\npath = \"missing.jsonl\"\n[[sink]]\npath = \"out.jsonl\"\n";
    let pipeline = Pipeline::from_text("pipeline.toml", text).expect("it is right");
    let run = pipeline.start(&Engine::default(), RunOptions::new()).expect("a thread starts");
    assert_eq!(run.events().count(), 0);
    assert!(matches!(run.wait(), Err(RunError::Config(_))));
}

#[test]
fn a_run_that_is_dropped_is_cancelled_and_its_events_end() {
    let options = options(std::iter::repeat_with(|| Ok(batch())));
    let run = pipeline(guests::BAD_SLEEP).start(&Engine::default(), options).expect("a thread starts");
    let events = run.events();
    drop(run);
    let count = events.count();
    assert!(count <= 1024, "{count}");
}

#[test]
fn a_cancel_by_the_program_is_not_reported_as_a_signal() {
    let options = options(std::iter::repeat_with(|| Ok(batch())));
    let run = pipeline(guests::KEEP_LONG).start(&Engine::default(), options).expect("a thread starts");
    run.cancel();
    let error = run.wait().expect_err("it was cancelled");
    assert_eq!(error.to_string(), "cancelled by the program");
    let RunError::Interrupted { reason, .. } = error else { panic!("{error:?}") };
    assert_eq!((reason, reason.signal()), (CancelReason::Program, None));
}
