//! Components that are hard to compile: refused by a number, or ended by a limit or a signal.

use std::fs;

use stillbox::FailureKind;

use crate::harness::{Folder, PipelineFile, SIGNALS, end, send, spawn, step, wait_until, wat};

/// A component with so many functions that compiling it takes some seconds and some hundred MiB. Each test has one of its own,
/// because tests share the cache of compiled components.
fn large_component(test: u32) -> Vec<u8> {
    let calculation =
        format!("(local.set 0 (i32.mul (i32.add (local.get 0) (i32.const {test})) (i32.load (local.get 0))))");
    let functions = format!("(func (param i32) {})", calculation.repeat(60)).repeat(8000);
    wat::component(&format!("(component (core module (memory 1) {functions}))"))
}

fn folder(component: &[u8]) -> Folder {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1}\n");
    folder.write("guest.wasm", component);
    folder
}

fn pipeline(limits: &str) -> PipelineFile {
    PipelineFile::new().limits(limits).add(step("guest"))
}

/// Ten components, each of which instantiates the one before ten times: 4 KB that stand for a billion instances.
fn multiplying_component() -> Vec<u8> {
    let ten = "(instance (instantiate $x))".repeat(10);
    let first = "(component $c0 (core module $e) (core instance (instantiate $e)))".to_owned();
    let level = |level| format!("(component $c{level} (alias outer 1 $c{} (component $x)) {ten})", level - 1);
    let components: String = std::iter::once(first).chain((1..10).map(level)).collect();
    wat::component(&format!("(component {components}(instance (instantiate $c9)))"))
}

#[test]
fn a_component_that_multiplies_is_refused_by_every_command() {
    let folder = folder(&multiplying_component());
    let message = folder.run(pipeline("")).failed(2);
    insta::assert_snapshot!(message, @r#"
    error: guest.wasm: is too complex to be compiled
      --> pipeline.toml:11:13
       |
    11 | component = "guest.wasm"
       |             ^^^^^^^^^^^^
       |
       = caused by: it has 1055 instances, and at most 1000 are compiled
    "#);
    folder.write("step/cases/one/input.jsonl", "{\"id\":1}\n");
    folder.write("step/cases/one/expected.jsonl", "{\"id\":1}\n");
    let commands: [&[&str]; 3] =
        [&["check", "pipeline.toml"], &["inspect", "guest.wasm"], &["test", "step", "--component", "guest.wasm"]];
    for arguments in commands {
        let message = folder.stillbox(arguments.iter().copied()).failed(2);
        assert!(
            message.contains("is too complex to be compiled") && message.contains("caused by: it has"),
            "{message}"
        );
    }
}

#[test]
fn compiling_ends_at_the_time_limit() {
    let folder = folder(&large_component(1));
    let message = folder.run(pipeline("compile-time = \"100ms\"")).failed(2);
    insta::assert_snapshot!(message, @r#"
    error: guest.wasm: cannot be compiled within `compile-time = "100ms"`; raise the limit if the component is to be trusted
      --> pipeline.toml:11:13
       |
    11 | component = "guest.wasm"
       |             ^^^^^^^^^^^^
    "#);
    let arguments = ["run", "pipeline.toml", "--limit", "guest.compile-time=50ms", "--failures", "failures.jsonl"];
    folder.stillbox(arguments).failed(2);
    let record: stillbox::Failure =
        serde_json::from_value(folder.json_lines("failures.jsonl").swap_remove(0)).expect("it is a record");
    let limit = record.limit.map(|limit| (limit.name, limit.value));
    assert_eq!((record.kind, limit), (FailureKind::Incompatible, Some(("compile-time".into(), "50ms".into()))));
}

#[cfg(target_os = "linux")]
#[test]
fn compiling_ends_at_the_memory_limit() {
    let message = folder(&large_component(2)).run(pipeline("compile-memory = \"64MiB\"")).failed(2);
    insta::assert_snapshot!(message, @r#"
    error: guest.wasm: cannot be compiled within `compile-memory = "64MiB"`; raise the limit if the component is to be trusted
      --> pipeline.toml:11:13
       |
    11 | component = "guest.wasm"
       |             ^^^^^^^^^^^^
    "#);
}

/// The process that compiles is found by its time limit, which no other one has.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_compiling() {
    let folder = folder(&large_component(3));
    folder.write_pipeline(pipeline("compile-time = \"3723456ms\""));
    let compiles = || {
        let processes = fs::read_dir("/proc").expect("it is there").filter_map(Result::ok);
        processes
            .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
            .any(|line| line.windows(9).any(|text| text == b"3723456ms"))
    };
    for command in ["run", "check"] {
        let (signal, code) = SIGNALS[0];
        let child = spawn(folder.command().args([command, "pipeline.toml"]));
        wait_until("a process compiles", compiles);
        send(&child, signal);
        assert_eq!(end(child), Some(code), "{command}");
        wait_until("no process compiles", || !compiles());
    }
}
