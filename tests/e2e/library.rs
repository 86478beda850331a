//! The library as a program uses it.

#[path = "../../host/core/examples/clean_text.rs"]
#[expect(dead_code, reason = "`main` is for the example alone")]
mod clean_text;

use stillbox::{CancelReason, Engine, Event, FailureKind, RunError, RunOptions};
use stillbox_test_guests::{BAD_SLEEP, KEEP_LONG};

use crate::harness::{Folder, PipelineFile, component_step, paths, pipeline, redact, rows, step};
use crate::text_benchmark::{SEED, clean_text, cleaned, folder, input};

#[test]
fn the_library_example_runs_a_pipeline() {
    let rows = input(SEED, 1_200);
    let folder = folder();
    folder.write("input.jsonl", &rows);
    folder.write_pipeline(clean_text("input.jsonl", "output.jsonl"));
    let kept = clean_text::run(&folder.join("pipeline.toml"), &folder.join("elsewhere.jsonl")).unwrap();
    assert_eq!(kept, cleaned(&rows).len() as u64);
    assert_eq!(folder.text("elsewhere.jsonl").lines().count() as u64, kept);
    assert!(!folder.contains("output.jsonl"));
}

#[test]
fn the_library_example_returns_errors_with_their_place() {
    let folder = folder();
    folder.write_pipeline(clean_text("input.jsonl", "output.jsonl"));
    let error = clean_text::run(&folder.join("pipeline.toml"), &folder.join("output.jsonl")).unwrap_err();
    let _redacted = redact(paths());
    insta::assert_snapshot!(error.to_string(), @"pipeline.toml:6:8: input.jsonl: cannot open this input: No such file or directory (os error 2)");
}

/// The listener runs on the thread that plans, or on one of its workers.
#[test]
fn a_panic_of_an_event_listener_during_planning_is_a_host_failure() {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write("input.jsonl", "{\"text\":\"a\"}\n");
    std::fs::create_dir(folder.join("step")).unwrap();
    let built = component_step("step", "step");
    for (step, when) in [(built, "building"), (step("keep_long"), "compiling")] {
        folder.write_pipeline(PipelineFile::new().add(step));
        let options = RunOptions::new().on_event(move |event| match event {
            Event::Building { .. } => panic!("while building"),
            Event::Compiling { .. } => panic!("while compiling"),
            _ => {}
        });
        let pipeline = folder.load();
        let error = pipeline.run(&Engine::default(), &options).unwrap_err();
        let RunError::Failed(failed) = error else { panic!("{error:?}") };
        assert_eq!(failed.failures[0].kind, FailureKind::Host);
        assert_eq!(failed.failures[0].causes, [format!("while {when}")]);
    }
}

#[test]
fn runs_that_share_an_engine_share_its_compiled_components() {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write("input.jsonl", "{\"text\":\"long\"}\n{\"text\":\"s\"}\n");
    folder.write_pipeline(pipeline("input.jsonl", &["keep_long"], "output.jsonl"));
    let file = folder.load();
    let engine = Engine::default();
    let runs: Vec<_> = (0..3).map(|_| file.start(&engine, RunOptions::new()).unwrap().wait()).collect();
    assert!(runs.iter().all(|run| run.as_ref().is_ok_and(|report| report.sinks[0].rows == 1)), "{runs:#?}");
}

#[test]
fn a_run_that_was_started_can_be_cancelled() {
    let folder = Folder::with(&[BAD_SLEEP]);
    folder.write("input.jsonl", rows::with_ids([3]));
    folder.write_pipeline(pipeline("input.jsonl", &["bad_sleep"], "output.jsonl"));
    let file = folder.load();
    let (started, has_started) = std::sync::mpsc::channel();
    let options = RunOptions::new().on_event(move |event| {
        if let Event::Started { .. } = event {
            started.send(()).unwrap();
        }
    });
    let run = file.start(&Engine::default(), options).unwrap();
    has_started.recv().unwrap();
    run.cancel();
    let error = run.wait().expect_err("it was cancelled");
    assert!(matches!(error, RunError::Interrupted { reason: CancelReason::Program, .. }), "{error:?}");
    assert_eq!(error.to_string(), "cancelled by the program");
}
