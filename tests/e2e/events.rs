//! The events of `--message-format json`: each follows the schema, and the last says how the command ended.

use std::fmt::Display;

use serde_json::{Value, json};
use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP, BAD_PANIC, BAD_REFUSE_PARAMETERS, KEEP_LONG};

use crate::harness::schemas::assert_is_event;
use crate::harness::{Events, Folder, Outcome, PipelineFile, SIGNALS, end, pipeline, send, sink, spawn, step};
use crate::resume::{kill_after_checkpoint, texts};

/// The events of a command, each of which follows the schema. The last has this status.
#[track_caller]
fn events(outcome: &Outcome, status: &str) -> Vec<Value> {
    let events = outcome.json_lines();
    assert!(!events.is_empty(), "there is no event: {}", outcome.stderr);
    assert_finished(&events, status);
    events
}

#[track_caller]
fn assert_finished(events: &[Value], status: &str) {
    events.iter().for_each(assert_is_event);
    let last = events.last().expect("there is an event");
    assert_eq!((&last["event"], &last["status"]), (&"finished".into(), &status.into()));
}

/// The errors of a run that does not start, one on each line.
#[track_caller]
fn errors(outcome: Outcome, code: i32) -> String {
    let mut events = events(&outcome, "failed");
    outcome.failed(code);
    events.retain(|event| event["event"] == "error");
    events.iter().map(|event| format!("{event}\n")).collect()
}

fn run(folder: &Folder, pipeline: impl Display, arguments: &[&str]) -> Outcome {
    folder.run_with(pipeline, ["--message-format", "json"].iter().chain(arguments).copied())
}

/// The names of events, each once, in the order of their first occurrence.
fn names(events: &[Value]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for name in events.iter().map(|event| event["event"].as_str().unwrap()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[test]
fn the_events_of_a_run_follow_their_schema() {
    let folder = Folder::with(&[BAD_PANIC, KEEP_LONG]);
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"abc\"}\n{\"id\":3,\"text\":\"abcd\"}\n");
    let rejecting = PipelineFile::new().add(step("keep_long")).add(step("bad_panic").on_failure("reject")).rejects();
    let done = run(&folder, rejecting, &[]).succeeded();
    let expected = ["compiling", "compiled", "started", "rejected", "progress", "finished"];
    assert_eq!(names(&events(&done, "done")), expected);
    let failed = run(&folder, pipeline("input.jsonl", &["keep_long", "bad_panic"], "output.jsonl"), &[]);
    assert_eq!(names(&events(&failed, "failed")), ["compiling", "compiled", "started", "failure", "finished"]);
    failed.failed(1);
}

#[test]
fn the_events_of_a_resumed_run_follow_their_schema() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", texts(6000));
    let pipeline = PipelineFile::new().batch_rows(20).add(step("add_column"));
    folder.write_pipeline(&pipeline);
    kill_after_checkpoint(&folder, &[]);
    let resumed = run(&folder, pipeline, &["--resume"]).succeeded();
    assert!(names(&events(&resumed, "done")).contains(&"resumed"));
}

#[test]
fn the_last_event_of_an_interrupted_run_names_the_signal() {
    for (signal, code) in SIGNALS {
        let folder = Folder::with(&[BAD_LOOP]);
        folder.write("input.jsonl", "{\"id\":0}\n{\"id\":3}\n");
        folder.write_pipeline(PipelineFile::new().batch_rows(1).add(step("bad_loop").limits("time = \"1h\"")));
        let mut command = folder.command();
        command.args(["run", "pipeline.toml", "--message-format", "json", "--failures", "failures.jsonl"]);
        let mut child = spawn(&mut command);
        let mut events = Events::new(&mut child);
        // The loop starts at the second row.
        let mut all = events.wait_for("progress");
        send(&child, signal);
        all.extend(events);
        assert_eq!(end(child), Some(code));
        assert_finished(&all, "interrupted");
        let name =
            ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"][SIGNALS.iter().position(|(known, _)| *known == signal).unwrap()];
        assert_eq!(all.last().unwrap()["signal"], name, "the schema allows an end without a signal");
        // Batches that the signal ended are not recorded as failures.
        assert!(folder.bytes("failures.jsonl").is_empty());
    }
}

#[test]
fn errors_of_the_pipeline_file_are_events() {
    let folder = Folder::with(&[ADD_COLUMN]);
    let wrong = "[pipeline]\n\"nam\\u001b[2J\" = \"x\"\nbatch-rows = 0\n\n[[source]]\npath = \"input.jsonl\"\n";
    insta::assert_snapshot!(errors(run(&folder, wrong, &[]), 2), @r#"
    {"event":"error","message":"the pipeline has no [[sink]]","file":"pipeline.toml","help":["add a [[sink]] with a `path` that rows are written to"]}
    {"event":"error","message":"[pipeline] has no `name`","file":"pipeline.toml","line":1,"column":1,"end_line":1,"end_column":11,"label":"`name` is missing","help":["add a line such as `name = \"clean-text\"`"]}
    {"event":"error","message":"unknown key `nam\\u{1b}[2J` in [pipeline]","file":"pipeline.toml","line":2,"column":1,"end_line":2,"end_column":15,"label":"unknown key","help":["[pipeline] takes batch-rows, bundle-on-failure, description, name, time and until"]}
    {"event":"error","message":"`batch-rows` in [pipeline] is 0, which is out of range","file":"pipeline.toml","line":3,"column":14,"end_line":3,"end_column":15,"label":"expected an integer from 1 to 1000000","help":["give an integer from 1 to 1000000"]}
    "#);
    insta::assert_snapshot!(errors(folder.stillbox(["run", "nothing.toml", "--message-format", "json"]), 2), @r#"{"event":"error","message":"cannot read the pipeline file `nothing.toml`","causes":["No such file or directory (os error 2)"],"file":"nothing.toml"}"#);
    folder.write("input.jsonl", "{\"text\":\"a\"}\n");
    let pipeline = pipeline("input.jsonl", &["add_column"], "output.jsonl");
    insta::assert_snapshot!(errors(run(&folder, &pipeline, &["--set", "nobody.a=1"]), 2), @r#"{"event":"error","message":"there is no step \"nobody\"","argument":"--set nobody.a=1","help":["the steps are add_column"]}"#);
    // The columns of the output are checked with the graph, after everything else.
    let selecting = PipelineFile::new().add(step("add_column")).add(sink("output.jsonl").select(&["nothing"]));
    insta::assert_snapshot!(errors(run(&folder, selecting, &[]), 2), @r#"{"event":"error","message":"there is no column \"nothing\" among those of step \"add_column\"","file":"pipeline.toml","line":13,"column":11,"end_line":13,"end_column":20,"help":["step \"add_column\" gives text: text, length: integer"]}"#);
}

#[test]
fn an_error_event_for_a_step_has_its_place_in_the_pipeline_file() {
    let folder = Folder::with(&[ADD_COLUMN, BAD_REFUSE_PARAMETERS]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    let pipeline = pipeline("input.jsonl", &["add_column", "bad_refuse_parameters", "missing"], "output.jsonl");
    let outcome = run(&folder, pipeline, &[]);
    let failures = events(&outcome, "failed").iter().filter(|event| event["event"] == "failure").count();
    let errors = errors(outcome, 2);
    assert_eq!(failures, errors.lines().count(), "{errors}");
    insta::assert_snapshot!(errors, @r#"
    {"event":"error","message":"step \"add_column\" reads the column \"text\", which the source does not have","file":"pipeline.toml","line":7,"column":1,"end_line":7,"end_column":9,"help":["the source gives id: integer"],"kind":"incompatible","step":"add_column"}
    {"event":"error","message":"step \"bad_refuse_parameters\" does not accept its parameters: these parameters will not do","file":"pipeline.toml","line":11,"column":1,"end_line":11,"end_column":9,"kind":"parameters","step":"bad_refuse_parameters"}
    {"event":"error","message":"missing.wasm: cannot be read","file":"pipeline.toml","line":17,"column":13,"end_line":17,"end_column":27,"causes":["No such file or directory (os error 2)"],"kind":"incompatible","step":"missing"}
    "#);
}

#[test]
fn errors_of_the_command_line_are_events() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"text\":\"a\"}\n");
    let pipeline = pipeline("input.jsonl", &["add_column"], "output.jsonl");
    insta::assert_snapshot!(errors(run(&folder, &pipeline, &["--failures", "nowhere/f.jsonl"]), 2), @r#"{"event":"error","message":"cannot write failures to nowhere/f.jsonl","causes":["No such file or directory (os error 2)"]}"#);
    insta::assert_snapshot!(errors(run(&folder, &pipeline, &["--failures", "input.jsonl"]), 2), @r#"{"event":"error","message":"the file of `--failures`, input.jsonl, is also an input","argument":"--failures input.jsonl","help":["use a separate file"]}"#);
    insta::assert_snapshot!(errors(run(&folder, &pipeline, &["--output", "-"]), 2), @r#"{"event":"error","message":"with `--message-format json` standard output is for events; give the sink a file"}"#);
    // An output that cannot be written is a failure, not an error of the command line.
    assert_eq!(errors(run(&folder, &pipeline, &["--output", "nowhere/output.jsonl"]), 1), "");
}

#[test]
fn check_prints_errors_as_json_instead_of_the_graph() {
    let folder = Folder::with(&[BAD_REFUSE_PARAMETERS]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    folder.write_pipeline(pipeline("input.jsonl", &["bad_refuse_parameters"], "output.jsonl"));
    let outcome = folder.stillbox(["check", "pipeline.toml", "--json"]);
    let check = outcome.json();
    outcome.failed(2);
    let [error] = &check["errors"].as_array().unwrap()[..] else { panic!("{check}") };
    assert_is_event(error);
    assert_eq!((&error["line"], &error["kind"]), (&7.into(), &"parameters".into()));
    assert_eq!(check["failures"][0]["step"], "bad_refuse_parameters");
    // The pipeline file is missing.
    let outcome = folder.stillbox(["check", "nothing.toml", "--json"]);
    let check = outcome.json();
    assert_eq!(check["errors"][0]["file"], "nothing.toml");
    assert_eq!(check["failures"], json!([]));
    outcome.failed(2);
}

#[test]
fn test_emits_an_error_event_when_no_case_can_run() {
    let folder = Folder::new();
    let outcome = folder.stillbox(["test", "nowhere", "--message-format", "json"]);
    let [error, end] = &outcome.json_lines()[..] else { panic!("{outcome:?}") };
    assert_eq!(*error, json!({ "event": "error", "message": "there is no folder `nowhere`" }));
    assert_eq!((&end["event"], &end["status"]), (&"finished".into(), &"failed".into()));
    outcome.failed(2);
}
