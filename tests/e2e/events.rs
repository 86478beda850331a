//! What `--message-format json` prints: every line follows the schema, and whatever ends a command is among the lines.

use std::io::{BufRead as _, BufReader, Read as _};

use serde_json::{Value, json};
use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP, BAD_PANIC, BAD_REFUSE_PARAMETERS, KEEP_LONG};

use crate::cancellation::{SIGNALS, end, send};
use crate::harness::{Folder, Outcome, in_batches, pipeline, spawn};
use crate::resume::{killed, texts};
use crate::schemas::assert_is_event;

/// The events of a command, each of which follows the schema; the last says how it ended.
#[track_caller]
fn events(outcome: &Outcome, status: &str) -> Vec<Value> {
    let events: Vec<Value> = outcome.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    events.iter().for_each(assert_is_event);
    let last = events.last().unwrap_or_else(|| panic!("there is no event: {}", outcome.stderr));
    assert_eq!((&last["event"], &last["status"]), (&"finished".into(), &status.into()));
    events
}

/// The errors of a run that does not begin, one a line.
#[track_caller]
fn errors(outcome: Outcome, code: i32) -> String {
    let mut events = events(&outcome, "failed");
    outcome.failed(code);
    events.retain(|event| event["event"] == "error");
    events.iter().map(|event| format!("{event}\n")).collect()
}

fn run(folder: &Folder, pipeline: &str, arguments: &[&str]) -> Outcome {
    folder.run_with(pipeline, ["--message-format", "json"].iter().chain(arguments).copied())
}

/// The names of events, each once, in the order in which they came first.
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
    let text = pipeline("input.jsonl", &["keep_long", "bad_panic"], "output.jsonl");
    let rejecting = text.replace("bad_panic.wasm\"", "bad_panic.wasm\"\non-failure = \"reject\"")
        + "\n[rejects]\npath = \"rejects.jsonl\"\n";
    let done = run(&folder, &rejecting, &[]).succeeded();
    let expected = ["compiling", "compiled", "started", "rejected", "progress", "finished"];
    assert_eq!(names(&events(&done, "done")), expected);
    let failed = run(&folder, &text, &[]);
    assert_eq!(names(&events(&failed, "failed")), ["compiling", "compiled", "started", "failure", "finished"]);
    failed.failed(1);
}

#[test]
fn the_events_of_a_resumed_run_follow_their_schema() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", texts(6000));
    let text = pipeline("input.jsonl", &["add_column"], "output.jsonl");
    let text = text.replace("[[source]]", "batch-rows = 20\n\n[[source]]");
    folder.write("pipeline.toml", &text);
    killed(&folder, &[]);
    let resumed = run(&folder, &text, &["--resume"]).succeeded();
    assert!(names(&events(&resumed, "done")).contains(&"resumed"));
}

#[test]
fn the_last_event_of_an_interrupted_run_names_the_signal() {
    for (signal, code) in SIGNALS {
        let folder = Folder::with(&[BAD_LOOP]);
        folder.write("input.jsonl", "{\"id\":0}\n{\"id\":3}\n");
        folder.write("pipeline.toml", in_batches(1, &pipeline("input.jsonl", &["bad_loop"], "output.jsonl")));
        let mut command = folder.command();
        command.args(["run", "pipeline.toml", "--message-format", "json", "--failures", "failures.jsonl"]);
        let mut child = spawn(command.args(["--limit", "bad_loop.time=1h"]));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut told = String::new();
        // The loop begins at the second row.
        while !told.contains("\"progress\"") {
            assert_ne!(stdout.read_line(&mut told).unwrap(), 0, "{told}");
        }
        send(&child, signal);
        stdout.read_to_string(&mut told).unwrap();
        assert_eq!(end(child), Some(code));
        let outcome = Outcome { code: Some(code), stdout: told.into(), stderr: String::new(), compiled: Vec::new() };
        let events = events(&outcome, "interrupted");
        let name = ["SIGINT", "SIGTERM", "SIGHUP"][SIGNALS.iter().position(|(known, _)| *known == signal).unwrap()];
        assert_eq!(events.last().unwrap()["signal"], name);
        // What the signal ended is no failure.
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
    {"event":"error","message":"unknown key `nam\\u{1b}[2J` in [pipeline]","file":"pipeline.toml","line":2,"column":1,"end_line":2,"end_column":15,"label":"unknown key","help":["[pipeline] takes batch-rows, description and name"]}
    {"event":"error","message":"`batch-rows` in [pipeline] is 0, which is out of range","file":"pipeline.toml","line":3,"column":14,"end_line":3,"end_column":15,"label":"expected an integer from 1 to 1000000","help":["give an integer from 1 to 1000000"]}
    "#);
    insta::assert_snapshot!(errors(folder.stillbox(["run", "nothing.toml", "--message-format", "json"]), 2), @r#"{"event":"error","message":"cannot read the pipeline file `nothing.toml`","causes":["No such file or directory (os error 2)"],"file":"nothing.toml"}"#);
    folder.write("input.jsonl", "{\"text\":\"a\"}\n");
    let text = pipeline("input.jsonl", &["add_column"], "output.jsonl");
    insta::assert_snapshot!(errors(run(&folder, &text, &["--set", "nobody.a=1"]), 2), @r#"{"event":"error","message":"there is no step \"nobody\"","argument":"--set nobody.a=1","help":["the steps are add_column"]}"#);
    // The output is found wrong with the graph, when all else is right.
    let selecting = text.replace("[[sink]]", "[[sink]]\nselect = [\"nothing\"]");
    insta::assert_snapshot!(errors(run(&folder, &selecting, &[]), 2), @r#"{"event":"error","message":"there is no column \"nothing\" among those of step \"add_column\"","file":"pipeline.toml","line":12,"column":11,"end_line":12,"end_column":20,"help":["step \"add_column\" has text: text, length: integer"]}"#);
}

#[test]
fn an_error_event_for_a_step_has_its_place_in_the_pipeline_file() {
    let folder = Folder::with(&[ADD_COLUMN, BAD_REFUSE_PARAMETERS]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    let text = pipeline("input.jsonl", &["add_column", "bad_refuse_parameters", "missing"], "output.jsonl");
    let outcome = run(&folder, &text, &[]);
    let failures = events(&outcome, "failed").iter().filter(|event| event["event"] == "failure").count();
    let told = errors(outcome, 2);
    assert_eq!(failures, told.lines().count(), "{told}");
    insta::assert_snapshot!(told, @r#"
    {"event":"error","message":"step \"add_column\" reads the column \"text\", which the source does not have","file":"pipeline.toml","line":7,"column":1,"end_line":7,"end_column":9,"help":["the source has id: integer"],"kind":"incompatible","step":"add_column"}
    {"event":"error","message":"step \"bad_refuse_parameters\" does not accept its parameters: these parameters will not do","file":"pipeline.toml","line":11,"column":1,"end_line":11,"end_column":9,"kind":"parameters","step":"bad_refuse_parameters"}
    {"event":"error","message":"missing.wasm: cannot be read: No such file or directory (os error 2)","file":"pipeline.toml","line":17,"column":13,"end_line":17,"end_column":27,"kind":"incompatible","step":"missing"}
    "#);
}

#[test]
fn errors_of_the_command_line_are_events() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"text\":\"a\"}\n");
    let text = pipeline("input.jsonl", &["add_column"], "output.jsonl");
    insta::assert_snapshot!(errors(run(&folder, &text, &["--failures", "nowhere/f.jsonl"]), 2), @r#"{"event":"error","message":"cannot write failures to nowhere/f.jsonl","causes":["No such file or directory (os error 2)"]}"#);
    insta::assert_snapshot!(errors(run(&folder, &text, &["--failures", "input.jsonl"]), 2), @r#"{"event":"error","message":"the file for failures, input.jsonl, is also an input","argument":"--failures input.jsonl","help":["use a separate file for failures"]}"#);
    insta::assert_snapshot!(errors(run(&folder, &text, &["--output", "-"]), 2), @r#"{"event":"error","message":"with `--message-format json` the standard output is for messages; give the sink a file"}"#);
    // An output that cannot be written is a failure of its own.
    assert_eq!(errors(run(&folder, &text, &["--output", "nowhere/output.jsonl"]), 1), "");
}

#[test]
fn check_prints_errors_as_json_instead_of_the_graph() {
    let folder = Folder::with(&[BAD_REFUSE_PARAMETERS]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    folder.write("pipeline.toml", pipeline("input.jsonl", &["bad_refuse_parameters"], "output.jsonl"));
    let outcome = folder.stillbox(["check", "pipeline.toml", "--json"]);
    let told: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    outcome.failed(2);
    let [error] = &told["errors"].as_array().unwrap()[..] else { panic!("{told}") };
    assert_is_event(error);
    assert_eq!((&error["line"], &error["kind"]), (&7.into(), &"parameters".into()));
    assert_eq!(told["failures"][0]["step"], "bad_refuse_parameters");
    // Not even a file.
    let outcome = folder.stillbox(["check", "nothing.toml", "--json"]);
    let told: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    assert_eq!(told["errors"][0]["file"], "nothing.toml");
    assert_eq!(told["failures"], json!([]));
    outcome.failed(2);
}

#[test]
fn test_emits_an_error_event_when_no_case_can_run() {
    let folder = Folder::new();
    let outcome = folder.stillbox(["test", "nowhere", "--message-format", "json"]);
    let [error, end] = &outcome.text().lines().collect::<Vec<_>>()[..] else { panic!("{outcome:?}") };
    let (error, end): (Value, Value) = (serde_json::from_str(error).unwrap(), serde_json::from_str(end).unwrap());
    assert_eq!(error, json!({ "event": "error", "message": "there is no folder `nowhere`" }));
    assert_eq!((&end["event"], &end["status"]), (&"finished".into(), &"failed".into()));
    outcome.failed(2);
}
