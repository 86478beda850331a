//! `stillbox profile`: the functions of steps that take the time.

use std::io::Read as _;

use rustix::process::Signal;
use serde_json::Value;
use stillbox_test_guests::{BAD_LOOP, TAKE_TIME};

use crate::harness::{Folder, PipelineFile, end, send, spawn, step, wait_until, wait_until_caught};

#[test]
fn a_profile_shows_the_functions_of_a_step() {
    let folder = Folder::with(&[TAKE_TIME]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    folder.write_pipeline(PipelineFile::new().add(step("take_time").parameters("batch-ms = 300")));
    let shown = folder.stillbox(["profile", "pipeline.toml", "--progress", "none"]).succeeded().stderr;
    assert!(shown.contains("(wait) waits for a timer"), "{shown}");
    assert_eq!(folder.text("output.jsonl"), "{\"id\":null,\"count\":1}\n");
    let svg = folder.text("profile.svg");
    assert!(svg.contains("<title>take_time: ") && svg.contains("waits for a timer"), "{svg}");
    assert!(svg.contains("examples/take_time.rs"), "{svg}");
    let profile: Value = serde_json::from_str(&folder.text("profile.json")).expect("it is JSON");
    let texts = profile["threads"][0]["stringArray"].as_array().expect("there are names");
    assert!(texts.iter().any(|text| text.as_str().is_some_and(|text| text.contains("take_time"))), "{texts:?}");
}

/// The guest loops until it reaches its time limit, so most samples are in the loop.
#[test]
fn a_profile_of_a_run_that_fails_is_written() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "{\"id\":3}\n");
    let looping = step("bad_loop").limits("time = \"500ms\"");
    folder.write_pipeline(PipelineFile::new().add(looping));
    let shown = folder.stillbox(["profile", "pipeline.toml", "--step", "bad_loop", "--svg", "p.svg"]).failed(1);
    assert!(shown.contains("misbehave"), "{shown}");
    assert!(folder.text("p.svg").contains("misbehave"));
}

#[test]
fn a_profile_of_a_run_that_is_stopped_is_written() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "{\"id\":3}\n");
    folder.write_pipeline(PipelineFile::new().add(step("bad_loop").limits("time = \"5m\"")));
    let mut command = folder.command();
    command.args(["profile", "pipeline.toml", "--progress", "none"]);
    let mut child = spawn(&mut command);
    wait_until_caught(&child, Signal::USR1);
    // A snapshot shows when the guest loops.
    let mut stderr = child.stderr.take().expect("it is piped");
    wait_until("the guest loops", || {
        send(&child, Signal::USR1);
        let mut bytes = [0; 8192];
        let count = stderr.read(&mut bytes).expect("it can be read");
        String::from_utf8_lossy(&bytes[..count]).contains("misbehave")
    });
    send(&child, Signal::TERM);
    assert_eq!(end(child), Some(143));
    assert!(folder.text("profile.svg").starts_with("<svg"));
}

#[test]
fn a_profile_of_a_step_that_does_not_exist_is_an_error() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "");
    folder.write_pipeline(PipelineFile::new().add(step("bad_loop")));
    insta::assert_snapshot!(folder.stillbox(["profile", "pipeline.toml", "--step", "other"]).failed(2), @"error: the pipeline has no step `other`; its steps are: bad_loop");
}
