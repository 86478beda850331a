//! `--show-output`: what steps log and write, as it comes.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::Signal;
use stillbox_test_guests::{BAD_ESCAPES, PRINT, REFUSE};

use crate::harness::schemas::assert_is_event;
use crate::harness::{Folder, PipelineFile, end, outcome, send, spawn, step};

/// Rows with these texts.
fn rows<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(|text| format!("{}\n", serde_json::json!({ "text": text }))).collect()
}

fn folder<'a>(texts: impl IntoIterator<Item = &'a str>) -> Folder {
    let folder = Folder::with(&[PRINT]);
    folder.write("input.jsonl", rows(texts));
    folder
}

fn print() -> PipelineFile {
    PipelineFile::new().add(step("print")).batch_rows(2)
}

#[test]
fn messages_and_lines_are_printed_with_their_step_and_batch() {
    let folder = folder(["first", "two\nlines", "third"]);
    let outcome = folder.run_with(print(), ["--show-output", "--quiet", "--threads", "1"]).succeeded();
    insta::assert_snapshot!(outcome.stderr, @r"
    [print, batch 0] info: first
    [print, batch 0] stdout: first
    [print, batch 0] info: two
      | lines
    [print, batch 0] stdout: two
    [print, batch 0] stdout: lines
    [print, batch 0] stderr: first without an endtwo
    [print, batch 0] stderr: lines without an end
    [print, batch 1] info: third
    [print, batch 1] stdout: third
    [print, batch 1] stderr: third without an end
    ");
    // Without the option, nothing of this is printed.
    assert_eq!(folder.run_with(print(), ["--quiet"]).succeeded().stderr, "");
}

#[test]
fn a_line_without_an_end_is_printed_at_the_end_of_its_call() {
    let folder = folder(["no end"]);
    let outcome = folder.run_with(print(), ["--show-output", "--quiet"]).succeeded();
    assert!(outcome.stderr.ends_with("[print, batch 0] stderr: no end without an end\n"), "{}", outcome.stderr);
}

#[test]
fn a_long_line_is_printed_in_parts() {
    let text = "ü".repeat(20_000);
    let folder = folder([&*text]);
    let outcome = folder.run_with(print(), ["--show-output", "--quiet"]).succeeded();
    let prefix = "[print, batch 0] stdout: ";
    let printed: String = outcome.stderr.lines().filter_map(|line| line.strip_prefix(prefix)).collect();
    assert_eq!(printed, text);
}

#[test]
fn events_have_the_messages() {
    let folder = folder(["a"]);
    let outcome = folder.run_with(print(), ["--show-output", "--message-format", "json"]).succeeded();
    let events = outcome.json_lines();
    events.iter().for_each(assert_is_event);
    let outputs: Vec<_> = events.iter().filter(|event| event["event"] == "output").map(ToString::to_string).collect();
    insta::assert_snapshot!(outputs.join("\n"), @r#"
    {"event":"output","step":"print","batch":0,"stream":"info","text":"a"}
    {"event":"output","step":"print","batch":0,"stream":"stdout","text":"a"}
    {"event":"output","step":"print","batch":0,"stream":"stderr","text":"a without an end"}
    "#);
}

/// The step sleeps after it has printed.
#[test]
fn a_line_is_printed_while_the_call_lasts() {
    let folder = folder(["wait"]);
    folder.write_pipeline(print());
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--show-output", "--quiet"]).stderr(Stdio::piped());
    let mut child = spawn(&mut command);
    let mut stderr = BufReader::new(child.stderr.take().expect("it is a pipe"));
    let mut line = String::new();
    while !line.contains("stdout: wait") {
        line.clear();
        assert!(stderr.read_line(&mut line).expect("it can be read") > 0, "the run has ended");
    }
    send(&child, Signal::INT);
    assert_eq!(end(child), Some(130));
}

#[test]
fn no_line_can_pass_for_another() {
    let folder = Folder::with(&[BAD_ESCAPES]);
    folder.write("input.jsonl", "{\"id\":3}\n");
    let outcome = folder.run_with(PipelineFile::new().add(step("bad_escapes")), ["--show-output"]);
    assert!(!outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
    let own = |line: &&str| line.contains("earlier") && !line.starts_with(['[', ' ']);
    assert_eq!(outcome.stderr.lines().find(own), None, "{}", outcome.stderr);
}

#[test]
fn a_test_names_the_case() {
    let folder = Folder::with(&[REFUSE]);
    folder.write("cases/first/input.jsonl", "{\"id\":1}\n");
    folder.write("cases/first/parameters.toml", "id = 1\n");
    folder.write("cases/first/expected-failure.toml", "kind = \"guest-error\"\nmessage = \"the id 1 is not wanted\"\n");
    let arguments = ["test", ".", "--component", "refuse.wasm", "--show-output"];
    let outcome = outcome(folder.command().args(arguments)).succeeded();
    // The step is in the current folder, whose name it has.
    let case = format!("{}/first", folder.path().file_name().expect("it has a name").to_string_lossy());
    assert!(outcome.stderr.contains(&format!("[{case}] warn: looking at row 1\n")), "{}", outcome.stderr);
    let events = outcome_of_json(&folder, &arguments);
    let output = events.iter().find(|event| event["event"] == "output").expect("there is one");
    assert_eq!((&output["case"], &output["stream"]), (&case.into(), &"warn".into()));
}

fn outcome_of_json(folder: &Folder, arguments: &[&str]) -> Vec<serde_json::Value> {
    outcome(folder.command().args(arguments).args(["--message-format", "json"])).succeeded().json_lines()
}

#[test]
fn a_replay_shows_the_output_of_its_call() {
    let folder = Folder::with(&[REFUSE]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    let pipeline = PipelineFile::new().add(step("refuse").parameters("id = 1"));
    folder.run_with(pipeline, ["--bundle", "bundles"]).failed(1);
    let bundle = std::fs::read_dir(folder.join("bundles")).unwrap().next().unwrap().unwrap().path();
    let outcome = outcome(folder.command().arg("replay").arg(bundle).arg("--show-output"));
    assert!(outcome.stderr.contains("[refuse, batch 0] warn: looking at row 1\n"), "{}", outcome.stderr);
}
