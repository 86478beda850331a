//! The library as a program uses it: the example, run.

#[path = "../../host/core/examples/clean_text.rs"]
#[expect(dead_code, reason = "`main` is for the example alone")]
mod clean_text;

use stillbox::{Engine, Event, FailureKind, Pipeline, RunError, RunOptions};
use stillbox_test_guests::{BAD_SLEEP, KEEP_LONG};

use crate::harness::{Folder, pipeline};
use crate::text_benchmark::{SEED, clean, cleaned, folder, input};

/// A row at which the misbehaving guests misbehave.
const GUILTY: &str = "{\"id\":3}\n";

#[test]
fn the_library_example_runs_a_pipeline() {
    let rows = input(SEED, 1_200);
    let folder = folder();
    folder.write("input.jsonl", &rows);
    folder.write("pipeline.toml", clean("input.jsonl", "output.jsonl"));
    let kept = clean_text::run(&folder.join("pipeline.toml"), &folder.join("elsewhere.jsonl")).unwrap();
    assert_eq!(kept, cleaned(&rows).len() as u64);
    assert_eq!(folder.text("elsewhere.jsonl").lines().count() as u64, kept);
    assert!(!folder.join("output.jsonl").exists());
}

#[test]
fn the_library_example_returns_errors_with_their_place() {
    let folder = folder();
    folder.write("pipeline.toml", clean("input.jsonl", "output.jsonl"));
    let error = clean_text::run(&folder.join("pipeline.toml"), &folder.join("output.jsonl")).unwrap_err();
    let message = error.to_string().replace(&folder.path().display().to_string(), "[DIR]");
    insta::assert_snapshot!(message, @"[DIR]/pipeline.toml:6:8: [DIR]/input.jsonl: cannot open this input: No such file or directory (os error 2)");
}

/// What is told of planning is told by the planner's thread, or by one that works for it.
#[test]
fn a_panic_of_an_event_listener_during_planning_is_a_host_failure() {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write("input.jsonl", "{\"text\":\"a\"}\n");
    std::fs::create_dir(folder.join("step")).unwrap();
    let built = pipeline("input.jsonl", &["step"], "output.jsonl").replace("step.wasm", "step");
    for (text, when) in [(built, "building"), (pipeline("input.jsonl", &["keep_long"], "output.jsonl"), "compiling")] {
        folder.write("pipeline.toml", text);
        let options = RunOptions::new().on_event(move |event| match event {
            Event::Building { .. } => panic!("while building"),
            Event::Compiling { .. } => panic!("while compiling"),
            _ => {}
        });
        let pipeline = Pipeline::from_file(folder.join("pipeline.toml")).unwrap();
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
    folder.write("pipeline.toml", pipeline("input.jsonl", &["keep_long"], "output.jsonl"));
    let file = Pipeline::from_file(folder.join("pipeline.toml")).unwrap();
    let engine = Engine::default();
    let runs: Vec<_> = (0..3).map(|_| file.start(&engine, RunOptions::new()).unwrap().wait()).collect();
    assert!(runs.iter().all(|run| run.as_ref().is_ok_and(|report| report.sinks[0].rows == 1)), "{runs:#?}");
}

#[test]
fn a_run_that_was_started_can_be_cancelled() {
    let folder = Folder::with(&[BAD_SLEEP]);
    folder.write("input.jsonl", GUILTY);
    folder.write("pipeline.toml", pipeline("input.jsonl", &["bad_sleep"], "output.jsonl"));
    let file = Pipeline::from_file(folder.join("pipeline.toml")).unwrap();
    let (started, has_started) = std::sync::mpsc::channel();
    let options = RunOptions::new().on_event(move |event| {
        if let Event::Started { .. } = event {
            started.send(()).unwrap();
        }
    });
    let run = file.start(&Engine::default(), options).unwrap();
    has_started.recv().unwrap();
    run.cancel();
    assert!(matches!(run.wait(), Err(RunError::Interrupted { .. })));
}
