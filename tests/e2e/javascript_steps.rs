//! Steps in JavaScript and TypeScript: that they build, run like others, and how their exceptions are reported.
//!
//! The tests build the runtime, with the folder in which they build `run-js`.

mod building;
mod callbacks;
mod definitions;
mod failures;
mod kinds;
mod rows;
mod snapshot;
mod values;

use std::path::Path;

use stillbox_test_guests::TEXT_FEATURES;

use crate::harness::{Folder, Outcome, PipelineFile, ROOT, component_step, javascript, outcome};

/// Writes a step with this module into the folder `step`.
fn write_step(folder: &Folder, file: &str, code: &str) {
    let package =
        format!("{{\"name\":\"my-step\",\"version\":\"1.2.3\",\"description\":\"A step\",\"main\":\"{file}\"}}");
    folder.write("step/package.json", package);
    folder.write(&format!("step/{file}"), code);
}

/// Writes a step, rows and a pipeline file, and runs it. `settings` are lines of the step's table.
fn run_in(folder: &Folder, code: &str, input: &str, settings: &str) -> Outcome {
    write_step(folder, "step.js", code);
    folder.write("input.jsonl", input);
    let step = settings.lines().fold(component_step("mine", "step"), |step, line| {
        let (key, value) = line.split_once(" = ").expect("a setting is a key and a value");
        step.set(key, value)
    });
    folder.write_pipeline(PipelineFile::new().add(step));
    outcome(javascript::command(folder).args(["run", "pipeline.toml"]))
}

/// Runs a step on rows, which has to succeed, and returns the output.
fn output(code: &str, input: &str) -> String {
    let folder = Folder::new();
    run_in(&folder, code, input, "").succeeded();
    folder.text("output.jsonl")
}

/// The failures of the rows that a step rejects: their messages, places and hints.
fn rejected(code: &str, input: &str) -> Vec<serde_json::Value> {
    output_and_failures(code, input).1
}

/// Runs a step that rejects rows, and returns the output and the failures.
fn output_and_failures(code: &str, input: &str) -> (String, Vec<serde_json::Value>) {
    let folder = Folder::new();
    write_step(&folder, "step.js", code);
    folder.write("input.jsonl", input);
    let step = component_step("mine", "step").on_failure("reject");
    folder.write_pipeline(PipelineFile::new().add(step).rejects());
    let ran = outcome(javascript::command(&folder).args(["run", "pipeline.toml", "--failures", "failures.jsonl"]));
    ran.succeeded();
    (folder.text("output.jsonl"), folder.json_lines("failures.jsonl"))
}

/// Runs a component on the cases of a step.
fn assert_passes(component: &str, step: &Path) {
    Folder::new().stillbox(["test", step.to_str().expect("UTF-8"), "--component", component]).succeeded();
}

#[test]
fn the_same_step_in_rust_and_typescript_passes_the_same_cases() {
    let step = Path::new(ROOT).join("tests/javascript/text-features");
    assert_passes(TEXT_FEATURES, &step);
    assert_passes(&javascript::build(&step), &step);
}
