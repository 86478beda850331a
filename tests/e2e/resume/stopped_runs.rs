//! Runs that were interrupted, failed or were killed: their checkpoints, the hint to resume, and the command `runs`.

use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use rustix::process::Signal;
use stillbox_test_guests::{ADD_COLUMN, BAD_SLEEP, REFUSE};

use super::{info, kill_after_checkpoint, start, texts, wait_for_batches};
use crate::harness::{
    Events, Folder, PipelineFile, outcome, outcome_with_input, redact, rows, send, sink, source, spawn, step,
    wait_until,
};

/// The id at which a guest sleeps.
const GUILTY: u64 = 3;

fn folder(rows: usize) -> Folder {
    let folder = Folder::with(&[ADD_COLUMN, REFUSE]);
    folder.write("input.jsonl", texts(rows));
    folder.write_pipeline(pipeline("add_column"));
    folder
}

/// A pipeline of one step, in batches of twenty rows.
fn pipeline(guest: &str) -> PipelineFile {
    PipelineFile::new().batch_rows(20).add(step(guest))
}

#[test]
fn an_interrupted_run_prints_the_command_to_resume() {
    let folder = folder(60_000);
    // The grace is the time for a final checkpoint on a busy machine.
    let mut child = start(&folder, &["--progress", "none", "--grace", "1m"]);
    // The first checkpoint comes with the first batches.
    assert!(wait_for_batches(&mut Events::new(&mut child), 100));
    send(&child, Signal::INT);
    let output = child.wait_with_output().expect("it can be waited for");
    assert_eq!(output.status.code(), Some(130));
    let message = String::from_utf8(output.stderr).expect("it is text");
    let message = message.lines().last().unwrap_or_default();
    let command =
        message.split_once("resume with: ").map(|(_, command)| command.split_once(' ').expect("it has arguments").1);
    assert_eq!(
        command,
        Some("run pipeline.toml --message-format json --checkpoint-every 1ms --progress none --grace 1m --resume"),
        "{message}"
    );
    assert_eq!(info(&folder)[0]["status"], "interrupted");
    folder.stillbox(["run", "pipeline.toml", "--resume"]).succeeded();
    assert_eq!(folder.text("output.jsonl").lines().count(), 60_000);
    let info = info(&folder);
    assert_eq!(
        (&info[0]["status"], &info[0]["rows"], info.as_array().map(Vec::len)),
        (&"done".into(), &60_000.into(), Some(1))
    );
}

#[test]
fn a_run_in_a_folder_whose_name_is_not_utf_8_is_resumed() {
    let folder = folder(60_000);
    let names = folder.names();
    let within = folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    std::fs::create_dir(&within).expect("there is room");
    for name in &names {
        std::fs::rename(folder.join(name), within.join(name)).expect("there is room");
    }
    // Parquet has further files in the folder of the run.
    let outputs = pipeline("add_column").add(sink("output.jsonl")).add(sink("output.parquet").from(&["add_column"]));
    std::fs::write(within.join("pipeline.toml"), outputs.to_string()).expect("there is room");
    let arguments = ["run", "pipeline.toml", "--message-format", "json", "--checkpoint-every", "1ms"];
    let mut child = spawn(folder.command().args(arguments).current_dir(&within));
    let is_resumable = || info(&folder).as_array().is_some_and(|runs| runs.iter().any(|run| run["resumable"] == true));
    assert!(Events::new(&mut child).any(|event| event["event"] == "progress" && is_resumable()));
    child.kill().expect("it is running");
    child.wait().expect("it can be waited for");
    assert!(info(&folder)[0]["folder"].is_string());
    folder.stillbox(["runs"]).succeeded();
    outcome(folder.command().args(["run", "pipeline.toml", "--resume"]).current_dir(&within)).succeeded();
    let names = std::fs::read_dir(&within).expect("it exists").map(|entry| entry.expect("as before").file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(
        names,
        ["add_column.wasm", "input.jsonl", "output.jsonl", "output.parquet", "pipeline.toml", "refuse.wasm"]
    );
    let lines = std::fs::read_to_string(within.join("output.jsonl")).expect("it exists").lines().count();
    assert_eq!((lines, info(&folder)[0]["status"].as_str()), (60_000, Some("done")));
    outcome(folder.command().args(["check", "pipeline.toml", "--json"]).current_dir(&within)).succeeded();
}

#[test]
fn an_interrupted_run_saves_a_final_checkpoint() {
    let folder = folder(60_000);
    kill_after_checkpoint(&folder, &[]);
    let saved = info(&folder)[0]["rows"].as_u64().expect("it is a number");
    let mut command = folder.command();
    // The next checkpoint is due in five seconds. The grace is the time for a final one.
    command.args(["run", "pipeline.toml", "--resume", "--message-format", "json", "--grace", "10s"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the command can be run");
    let mut events = Events::new(&mut child);
    assert!(events.any(|event| event["rows_in"].as_u64() >= Some(saved + 1000)), "the run ended too early");
    send(&child, Signal::INT);
    events.for_each(drop);
    assert_eq!(child.wait().expect("it can be waited for").code(), Some(130));
    assert!(info(&folder)[0]["rows"].as_u64() >= Some(saved + 1000), "{}", info(&folder));
    folder.stillbox(["run", "pipeline.toml", "--resume"]).succeeded();
    assert_eq!(folder.text("output.jsonl").lines().count(), 60_000);
}

#[test]
fn a_failed_run_can_be_resumed_from_its_last_batch() {
    let folder = Folder::with(&[BAD_SLEEP]);
    // The guilty row is in the fifth batch.
    let ids = (100..180).chain([GUILTY]).chain(200..300);
    folder.write("input.jsonl", rows::with_ids(ids));
    folder.write_pipeline(pipeline("bad_sleep"));
    // A run that took less time is started again without a question.
    let arguments = ["run", "pipeline.toml", "--limit", "bad_sleep.time=1500ms"];
    let message = folder.stillbox(arguments).failed(1);
    assert!(message.contains("80 rows are done and saved; resume with: "), "{message}");
    let mut child = start(&folder, &["--resume", "--limit", "bad_sleep.time=300ms"]);
    let events: Vec<_> = Events::new(&mut child).collect();
    let resumed = events.iter().find(|event| event["event"] == "resumed");
    assert!(resumed.is_some_and(|event| event.to_string().contains("80")), "{events:?}");
    assert_eq!(child.wait().expect("it can be waited for").code(), Some(1));
    let message = folder.stillbox(["run", "pipeline.toml", "--restart", "--limit", "bad_sleep.time=300ms"]).failed(1);
    assert!(!message.contains("saved"), "{message}");
}

#[test]
fn the_next_run_removes_the_files_of_a_killed_run() {
    let folder = Folder::with(&[BAD_SLEEP]);
    folder.write("input.jsonl", rows::with_ids([GUILTY]));
    folder.write_pipeline(pipeline("bad_sleep").rejects());
    let is_part = |name: &String| name.starts_with('.');
    for _ in 0..3 {
        let mut child = folder.command().args(["run", "pipeline.toml"]).stderr(Stdio::null()).spawn().expect("it runs");
        wait_until("the run has created its outputs", || {
            folder.names().iter().filter(|name| is_part(name)).count() >= 2
        });
        // The run is killed before it is in any list.
        child.kill().expect("it was started");
        child.wait().expect("it can be waited for");
    }
    assert_eq!(
        folder.names().iter().filter(|name| is_part(name)).count(),
        2,
        "only those of the last run: {:?}",
        folder.names()
    );
    folder.stillbox(["run", "pipeline.toml", "--limit", "bad_sleep.time=300ms"]).failed(1);
    assert!(!folder.names().iter().any(is_part), "{:?}", folder.names());
}

#[test]
fn a_short_run_leaves_only_its_record() {
    let folder = folder(100);
    for _ in 0..15 {
        folder.stillbox(["run", "pipeline.toml"]).succeeded();
    }
    let list = info(&folder);
    // The last run, and ten before it.
    assert_eq!(list.as_array().map(Vec::len), Some(11), "{list}");
    let run = std::path::PathBuf::from(list[0]["folder"].as_str().expect("it is text"));
    let names: Vec<_> = std::fs::read_dir(&run).expect("it exists").map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["record.json"]);
    assert_eq!(folder.names().len(), 5, "{:?}", folder.names());
}

#[test]
fn a_run_that_cannot_be_resumed_says_so_and_runs() {
    let folder = folder(300);
    let input = folder.text("input.jsonl");
    folder.write_pipeline(pipeline("add_column").add(source("-").format("jsonl")));
    let arguments = ["run", "pipeline.toml", "--checkpoint-every", "0s"];
    outcome_with_input(folder.command().args(arguments), input.as_bytes()).succeeded();
    assert_eq!(info(&folder)[0]["unrepeatable"], "it reads the standard input");
    let id = info(&folder)[0]["id"].as_str().expect("it has an id").to_owned();
    let shown = folder.stillbox(["runs", "show", &id]).succeeded();
    assert!(shown.text().contains("resume    not possible: it reads the standard input\n"), "{}", shown.text());
    insta::assert_snapshot!(folder.stillbox(["runs", "show", "67-ab"]).failed(2), @r"error: there is no run 67-ab; `stillbox runs` lists all runs");
}

#[test]
fn the_runs_command_lists_shows_and_prunes_runs() {
    let folder = folder(6000);
    insta::assert_snapshot!(folder.stillbox(["runs"]).succeeded().text(), @"no runs");
    kill_after_checkpoint(&folder, &[]);
    let list = folder.stillbox(["runs"]).succeeded();
    let redacted = redact([(r"[0-9a-f]{8}-[0-9a-f]{6}|\d[\d,]*|  +", " … ")]);
    insta::assert_snapshot!(list.text(), @r"
    run … pipeline … state … rows … age
     …  … test … interrupted …  …  …  …  s
    ");
    drop(redacted);
    let id = info(&folder)[0]["id"].as_str().expect("it has an id").to_owned();
    let shown = folder.stillbox(["runs", "show", &id]).succeeded();
    assert!(shown.text().contains("resume    with `--resume`, after "), "{}", shown.text());
    // The run is too young to be pruned by default.
    insta::assert_snapshot!(folder.stillbox(["runs", "prune"]).succeeded().text(), @"removed 0 finished and 0 unfinished runs");
    assert!(folder.names().iter().any(|name| name.starts_with(".output.jsonl.")));
    insta::assert_snapshot!(folder.stillbox(["runs", "prune", "--older-than", "0s"]).succeeded().text(), @"removed 0 finished and 1 unfinished run");
    assert_eq!(folder.names(), ["add_column.wasm", "input.jsonl", "pipeline.toml", "refuse.wasm"]);
    assert_eq!(std::fs::read_dir(folder.state()).expect("it exists").count(), 0);
}

#[test]
fn a_run_that_exceeded_max_rejects_resumes_with_a_higher_limit() {
    let folder = folder(6000);
    let refuse = step("refuse").parameters("id = 7").on_failure("reject");
    folder.write_pipeline(PipelineFile::new().batch_rows(20).add(refuse).rejects());
    let arguments = ["run", "pipeline.toml", "--checkpoint-every", "1ms", "--max-rejects", "60"];
    let message = folder.stillbox(arguments).failed(1);
    assert!(message.contains("rows are done and saved; resume with: "), "{message}");
    // The reject file shows which rows were rejected.
    assert!(folder.text("rejects.jsonl").lines().count() > 60);
    folder.stillbox(["run", "pipeline.toml", "--max-rejects", "200", "--resume"]).succeeded();
    assert_eq!(folder.text("rejects.jsonl").lines().count(), 120);
    assert_eq!(folder.text("output.jsonl").lines().count(), 5880);
}

#[test]
fn restart_checks_the_pipeline_before_it_deletes_the_previous_run() {
    let folder = folder(6000);
    kill_after_checkpoint(&folder, &[]);
    folder.write_pipeline(pipeline("no"));
    folder.stillbox(["run", "pipeline.toml", "--restart"]).failed(2);
    folder.write_pipeline(pipeline("add_column"));
    folder.stillbox(["run", "pipeline.toml", "--resume"]).succeeded();
    assert_eq!(folder.text("output.jsonl").lines().count(), 6000);
}

#[test]
fn a_run_that_stops_on_a_full_disk_can_be_resumed() {
    let folder = folder(20_000);
    // A limit on the size of files has the effect of a full disk: writing fails in the middle.
    let script = "ulimit -f 1000; exec \"$STILLBOX\" run pipeline.toml --checkpoint-every 1ms";
    let message = outcome(&mut folder.shell(script)).failed(1);
    assert!(message.contains("output.jsonl: cannot write this output"), "{message}");
    assert!(message.contains("rows are done and saved; resume with: "), "{message}");
    assert_eq!(info(&folder)[0]["resumable"], true);
    folder.stillbox(["run", "pipeline.toml", "--resume"]).succeeded();
    let resumed = folder.bytes("output.jsonl");
    folder.stillbox(["run", "pipeline.toml"]).succeeded();
    assert!(resumed == folder.bytes("output.jsonl"));
}
