//! Runs that cannot be resumed, and runs that cannot start.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Child;

use insta::internals::SettingsBindDropGuard;
use stillbox_test_guests::{ADD_COLUMN, CLOCK, KEEP_LONG, REFUSE, TURN_AROUND};

use super::{info, kill_after_checkpoint, start, texts};
use crate::harness::{Events, Folder, PipelineFile, Table, outcome, redact, step};

/// Several tests replace parts of this text.
const PIPELINE: &str = r#"[pipeline]
name = "refusals"
batch-rows = 20

[[source]]
path = "input.jsonl"

[[step]]
name = "length"
component = "add_column.wasm"

[[step]]
name = "some"
component = "refuse.wasm"
parameters = { id = 1000 }

[[sink]]
path = "output.jsonl"
"#;

/// A folder with a run that was killed.
fn killed() -> Folder {
    let folder = Folder::with(&[ADD_COLUMN, REFUSE]);
    folder.write("input.jsonl", texts(6000));
    folder.write("pipeline.toml", PIPELINE);
    kill_after_checkpoint(&folder, &[]);
    folder
}

/// Runs the pipeline, which has to fail before it starts, and returns the error.
fn error(folder: &Folder, arguments: &[&str]) -> String {
    outcome(folder.command().args(["run", "pipeline.toml"]).args(arguments)).failed(2)
}

/// Replaces what differs from run to run.
fn redact_runs() -> SettingsBindDropGuard {
    const RUN: &str = "[0-9a-f]{8}-[0-9a-f]{6}";
    let folder = r"/\S*/stillbox-[A-Za-z0-9]+";
    redact([
        (&*format!("{folder}/[^/ ]+/{RUN}"), "STATE"),
        (RUN, "RUN"),
        (folder, "FOLDER"),
        (r"process \d+", "process PID"),
        (r"[\d,]+ were", "… were"),
        (r"sha256:\S+|[\d,]+ rows|[\d,]+ bytes, changed at [\d.]+", "…"),
    ])
}

fn wait_until_running(folder: &Folder, child: &mut Child) {
    assert!(Events::new(child).any(|_| info(folder)[0]["status"] == "running"), "the run ended too early");
}

#[test]
fn resume_names_each_changed_setting() {
    let _redacted = redact_runs();
    let folder = killed();
    let cases: [(&str, &str); 3] =
        [("id = 1000", "id = 1001"), ("batch-rows = 20", "batch-rows = 21"), ("\"length\"", "\"longer\"")];
    let mut all = String::new();
    for (was, is) in cases {
        folder.write("pipeline.toml", PIPELINE.replace(was, is));
        all += &error(&folder, &["--resume"]);
    }
    insta::assert_snapshot!(all, @r#"
    error: cannot resume run RUN: the pipeline has changed since its last checkpoint: step "some" parameters.id was 1000 and is 1001. Undo the change, or add `--restart` to start again
    error: cannot resume run RUN: the pipeline has changed since its last checkpoint: [pipeline] batch-rows was 20 and is 21. Undo the change, or add `--restart` to start again
    error: cannot resume run RUN: the pipeline has changed since its last checkpoint: step "length" name was "length" and was removed; the component of step "length" was … and was removed; the order of [[step]] was length, some and is longer, some; step "longer" name is new, "longer"; the component of step "longer" is new, … Undo the change, or add `--restart` to start again
    "#);
    // Comments, descriptions and limits make no difference.
    folder.write("pipeline.toml", PIPELINE.replace("batch-rows", "description = \"x\" # Why?\nbatch-rows"));
    folder.stillbox(["run", "pipeline.toml", "--resume", "--limit", "some.time=1m"]).succeeded();
}

/// Each step reads the rows of the one before it in the file.
#[test]
fn resume_rejects_a_changed_order_of_steps() {
    let _redacted = redact_runs();
    let folder = Folder::with(&[ADD_COLUMN, REFUSE]);
    folder.write("input.jsonl", texts(6000));
    let [one, two] = [("a", "one"), ("b", "two")]
        .map(|(name, to)| step("add_column").name(name).set("outputs", format_args!("{{ length = {to:?} }}")));
    let pipeline =
        |first: &Table, second: &Table| PipelineFile::new().batch_rows(20).add(first.clone()).add(second.clone());
    folder.write_pipeline(pipeline(&one, &two));
    kill_after_checkpoint(&folder, &[]);
    folder.write_pipeline(pipeline(&two, &one));
    insta::assert_snapshot!(error(&folder, &["--resume"]), @"error: cannot resume run RUN: the pipeline has changed since its last checkpoint: the order of [[step]] was a, b and is b, a. Undo the change, or add `--restart` to start again");
}

#[test]
fn resume_rejects_a_changed_pipeline_name_or_output() {
    let _redacted = redact_runs();
    let folder = killed();
    let mut all = String::new();
    for (was, is) in [("\"refusals\"", "\"renamed\""), ("output.jsonl", "another.jsonl")] {
        folder.write("pipeline.toml", PIPELINE.replace(was, is));
        all += &error(&folder, &["--resume"]);
    }
    all += &error(&folder, &[]);
    insta::assert_snapshot!(all, @r#"
    error: cannot resume run RUN: the pipeline has changed since its last checkpoint: [pipeline] name was "refusals" and is "renamed". Undo the change, or add `--restart` to start again
    error: cannot resume run RUN: the pipeline has changed since its last checkpoint: the outputs were FOLDER/output.jsonl and are FOLDER/another.jsonl. Undo the change, or add `--restart` to start again
    error: cannot resume run RUN: the pipeline has changed since its last checkpoint: the outputs were FOLDER/output.jsonl and are FOLDER/another.jsonl. Undo the change, or add `--restart` to start again
    "#);
    folder.stillbox(["run", "pipeline.toml", "--restart"]).succeeded();
    assert_eq!(info(&folder).as_array().map(Vec::len), Some(1), "the previous run is gone");
    let names = ["add_column.wasm", "another.jsonl", "input.jsonl", "pipeline.toml", "refuse.wasm"];
    assert_eq!(folder.names(), names);
}

#[test]
fn resume_rejects_an_output_that_is_not_a_regular_file() {
    let _redacted = redact_runs();
    let folder = killed();
    rustix::fs::mknodat(rustix::fs::CWD, folder.join("output.jsonl"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .expect("the folder can be written to");
    insta::assert_snapshot!(error(&folder, &["--resume"]), @"error: cannot resume run RUN: the pipeline has changed since its last checkpoint: an output is not a regular file. Undo the change, or add `--restart` to start again");
}

#[test]
fn a_dangling_link_as_output_stands_for_its_target() {
    let folder = Folder::with(&[ADD_COLUMN, REFUSE]);
    folder.write("input.jsonl", texts(6000));
    folder.write("pipeline.toml", PIPELINE);
    std::os::unix::fs::symlink("elsewhere.jsonl", folder.join("output.jsonl")).expect("the folder can be written to");
    kill_after_checkpoint(&folder, &[]);
    folder.write("elsewhere.jsonl", "from before\n");
    folder.stillbox(["run", "pipeline.toml"]).failed(2);
    folder.stillbox(["run", "pipeline.toml", "--resume"]).succeeded();
    assert_eq!(folder.text("elsewhere.jsonl").lines().count(), 6000);
}

#[test]
fn resume_rejects_a_changed_component_or_input() {
    let _redacted = redact_runs();
    let folder = killed();
    let mut all = String::new();
    all += &error(&folder, &["--resume", "--set", "some.id=3"]);
    fs::remove_file(folder.join("refuse.wasm")).expect("it is a link");
    std::os::unix::fs::symlink(KEEP_LONG, folder.join("refuse.wasm")).expect("the folder can be written to");
    folder.write("pipeline.toml", PIPELINE.replace("parameters = { id = 1000 }", ""));
    all += &error(&folder, &["--resume"]);
    fs::remove_file(folder.join("refuse.wasm")).expect("it is a link");
    std::os::unix::fs::symlink(REFUSE, folder.join("refuse.wasm")).expect("the folder can be written to");
    folder.write("pipeline.toml", PIPELINE);
    folder.write("input.jsonl", texts(6001));
    all += &error(&folder, &["--resume"]);
    insta::assert_snapshot!(all, @r#"
    error: cannot resume run RUN: the pipeline has changed since its last checkpoint: --set some.id is new, 3. Undo the change, or add `--restart` to start again
    error: cannot resume run RUN: the pipeline has changed since its last checkpoint: step "some" parameters.id was 1000 and was removed; the component of step "some" was … and is … Undo the change, or add `--restart` to start again
    error: cannot resume run RUN: the pipeline has changed since its last checkpoint: the input FOLDER/input.jsonl was … and is … Undo the change, or add `--restart` to start again
    "#);
    // `--restart` starts a new run.
    folder.stillbox(["run", "pipeline.toml", "--restart"]).succeeded();
    assert_eq!(folder.text("output.jsonl").lines().count(), 6001);
    assert_eq!(folder.names(), ["add_column.wasm", "input.jsonl", "output.jsonl", "pipeline.toml", "refuse.wasm"]);
}

#[test]
fn resume_rejects_an_input_changed_without_a_new_modification_time() {
    let _redacted = redact_runs();
    let folder = killed();
    let path = folder.join("input.jsonl");
    let changed = fs::metadata(&path).and_then(|metadata| metadata.modified()).expect("it exists");
    folder.write("input.jsonl", folder.text("input.jsonl").replace("text 8 ", "tixt 8 "));
    let file = fs::File::options().write(true).open(&path).expect("it exists");
    file.set_modified(changed).expect("the folder can be written to");
    let output = folder.stillbox(["run", "pipeline.toml", "--resume"]).failed(1);
    let error: Vec<&str> = output.lines().skip(1).take(2).collect();
    insta::assert_snapshot!(error.join("\n"), @r"
    error: cannot resume: the rows before the last checkpoint have changed
      hint: an input was changed, or a step of kind source makes other rows in each run; `--restart` starts a new run
    ");
}

#[test]
fn resume_rejects_a_source_step_that_emits_other_rows() {
    let folder = Folder::with(&[CLOCK]);
    let times = step("clock").name("times").parameters("count = 5000");
    folder.write_pipeline(PipelineFile::new().without_source().add(times));
    kill_after_checkpoint(&folder, &[]);
    let output = folder.stillbox(["run", "pipeline.toml", "--resume"]).failed(1);
    assert!(output.contains("error: cannot resume: the rows before the last checkpoint have changed\n"), "{output}");
    folder.stillbox(["run", "pipeline.toml", "--restart"]).succeeded();
    assert_eq!(folder.text("output.jsonl").lines().count(), 5000);
}

#[test]
fn an_unfinished_run_is_not_discarded_without_restart() {
    let _redacted = redact_runs();
    let folder = killed();
    insta::assert_snapshot!(error(&folder, &[]), @r"error: run RUN of this pipeline is unfinished; … are done. Add `--resume` to resume it, or `--restart` to discard it and start again");
    insta::assert_snapshot!(error(&folder, &["--resume", "67-ab"]), @r"error: this pipeline has no unfinished run 67-ab; `stillbox runs` lists all runs");
    // With another output it is another run.
    folder.stillbox(["run", "pipeline.toml", "--output", "other.jsonl"]).succeeded();
    let list = info(&folder);
    let unfinished = list.as_array().and_then(|list| list.iter().find(|run| run["status"] == "interrupted"));
    let id = unfinished.and_then(|run| run["id"].as_str()).expect("the run is listed");
    folder.stillbox(["run", "pipeline.toml", "--resume", id]).succeeded();
    assert_eq!(folder.text("output.jsonl"), folder.text("other.jsonl"));
}

#[test]
fn a_pipeline_runs_in_one_process_at_a_time() {
    let _redacted = redact_runs();
    let folder = Folder::with(&[ADD_COLUMN, REFUSE]);
    folder.write("input.jsonl", texts(60_000));
    folder.write("pipeline.toml", PIPELINE);
    let mut child = start(&folder, &[]);
    wait_until_running(&folder, &mut child);
    let output = folder.stillbox(["run", "pipeline.toml"]).failed(2);
    let listed = folder.stillbox(["runs"]).succeeded();
    assert!(listed.text().contains("  running  "), "{}", listed.text());
    child.kill().expect("it is running");
    insta::assert_snapshot!(output, @r"error: this pipeline is already running as process PID; a second run would write the same files");
    child.wait().expect("it can be waited for");
    let listed = folder.stillbox(["runs"]).succeeded();
    assert!(listed.text().contains("  interrupted  "), "{}", listed.text());
}

/// Another pipeline, or the same one with another output, may write the same reject file.
#[test]
fn an_output_is_written_by_one_process_at_a_time() {
    let _redacted = redact_runs();
    let folder = Folder::with(&[ADD_COLUMN, REFUSE]);
    folder.write("input.jsonl", texts(60_000));
    folder.write("pipeline.toml", format!("{PIPELINE}\n[rejects]\npath = \"rejects.jsonl\"\n"));
    let mut child = start(&folder, &[]);
    wait_until_running(&folder, &mut child);
    let output = folder.stillbox(["run", "pipeline.toml", "--output", "other.jsonl"]).failed(2);
    let other_state = folder.stillbox(["run", "pipeline.toml", "--state-dir", "state"]).failed(2);
    child.kill().expect("it is running");
    insta::assert_snapshot!(output, @"error: FOLDER/rejects.jsonl is already being written by process PID");
    insta::assert_snapshot!(other_state, @"error: FOLDER/output.jsonl is already being written by process PID");
    child.wait().expect("it can be waited for");
    // The lock files of a killed run are no locks, and the next run removes them.
    folder.stillbox(["run", "pipeline.toml", "--state-dir", "state"]).succeeded();
    folder.stillbox(["run", "pipeline.toml", "--restart"]).succeeded();
    assert_eq!(hidden(&folder), [""; 0]);
}

/// The hidden files in a folder: locks, and part files.
fn hidden(folder: &Folder) -> Vec<String> {
    folder.names().into_iter().filter(|name| name.starts_with('.')).collect()
}

#[test]
fn an_output_may_not_be_a_lock() {
    let folder = Folder::with(&[ADD_COLUMN, REFUSE]);
    folder.write("input.jsonl", texts(2));
    let pipeline = PIPELINE.replace("output.jsonl", ".a.stillbox-lock\"\nformat = \"jsonl");
    folder.write("pipeline.toml", pipeline);
    let output = folder.stillbox(["run", "pipeline.toml"]).failed(2);
    assert!(output.contains("is a lock of an output, and a run would replace it"), "{output}");
}

/// Another user could have prepared a state directory that others can write to.
#[test]
fn a_state_directory_is_private_and_links_in_it_are_not_followed() {
    let folder = Folder::with(&[ADD_COLUMN, REFUSE]);
    folder.write("input.jsonl", texts(2));
    folder.write("pipeline.toml", PIPELINE);
    folder.write("victim", "a");
    let arguments = ["run", "pipeline.toml", "--state-dir", "state"];
    fs::create_dir(folder.join("state")).expect("there is room");
    fs::set_permissions(folder.join("state"), Permissions::from_mode(0o777)).expect("it is the test's");
    let warning = outcome(folder.command().args(arguments)).succeeded().stderr;
    assert!(warning.contains("this run cannot be resumed later") && warning.contains("chmod go-w"), "{warning}");
    assert_eq!(fs::read_dir(folder.join("state")).expect("it exists").count(), 0);
    let message = folder.stillbox(["run", "pipeline.toml", "--state-dir", "state", "--resume"]).failed(2);
    assert!(message.contains("chmod go-w"), "{message}");
    fs::set_permissions(folder.join("state"), Permissions::from_mode(0o700)).expect("as before");
    folder.stillbox(arguments).succeeded();
    let pipeline =
        fs::read_dir(folder.join("state")).expect("it exists").next().expect("a run").expect("as before").path();
    let lock = pipeline.join("lock");
    fs::remove_file(&lock).expect("it exists");
    symlink(folder.join("victim"), &lock).expect("there is room");
    folder.stillbox(["run", "pipeline.toml", "--state-dir", "state", "--resume"]).failed(2);
    assert_eq!(folder.text("victim"), "a");
}

/// The folder of the only run.
fn state(folder: &Folder) -> PathBuf {
    PathBuf::from(info(folder)[0]["folder"].as_str().expect("it is text"))
}

#[test]
fn resume_rejects_a_corrupt_checkpoint() {
    let _redacted = redact_runs();
    let folder = killed();
    let checkpoint = state(&folder).join("checkpoint");
    let mut bytes = fs::read(&checkpoint).expect("it exists");
    *bytes.last_mut().expect("it is not empty") ^= 1;
    fs::write(&checkpoint, bytes).expect("the folder can be written to");
    insta::assert_snapshot!(error(&folder, &["--resume"]), @r"error: cannot resume run RUN: STATE/checkpoint is corrupt: the checksum is wrong; add `--restart` to start again");
    assert_eq!(info(&folder)[0]["status"], "corrupt");
    folder.stillbox(["run", "pipeline.toml", "--restart"]).succeeded();
}

#[test]
fn a_corrupt_run_record_does_not_prevent_resume() {
    let _redacted = redact_runs();
    let folder = killed();
    let run = info(&folder)[0].clone();
    fs::write(state(&folder).join("record.json"), "{").expect("the folder can be written to");
    let corrupt = info(&folder)[0].clone();
    assert_eq!((&corrupt["status"], &corrupt["resumable"]), (&"corrupt".into(), &true.into()));
    assert_eq!((&corrupt["parts"], corrupt["parts"].as_array().map(Vec::len)), (&run["parts"], Some(1)));
    let shown = folder.stillbox(["runs", "show", run["id"].as_str().expect("it is text")]).succeeded();
    let damage = shown.text().lines().find(|line| line.starts_with("damage")).expect("the damage is shown");
    insta::assert_snapshot!(damage, @"damage    STATE/record.json is corrupt: EOF while parsing an object at line 1 column 1; `--resume` still resumes the run");
    folder.stillbox(["run", "pipeline.toml", "--restart"]).succeeded();
    assert!(!folder.names().iter().any(|name| name.starts_with('.')), "{:?}", folder.names());
}

#[test]
fn resume_rejects_a_truncated_output() {
    let _redacted = redact_runs();
    let folder = killed();
    let run = info(&folder)[0].clone();
    let part = run["parts"][0].as_str().expect("it is text");
    fs::File::options().write(true).open(part).and_then(|part| part.set_len(7)).expect("it exists");
    let output = folder.stillbox(["run", "pipeline.toml", "--resume"]).failed(1);
    insta::assert_snapshot!(output, @r"
    error: output.jsonl: cannot resume this output
      caused by: FOLDER/.output.jsonl.RUN.part is corrupt: it has 7 bytes, but … were written
      hint: add `--restart` to start a new run
    ");
    folder.stillbox(["run", "pipeline.toml", "--restart"]).succeeded();
    assert_eq!(folder.text("output.jsonl").lines().count(), 6000);
}

#[test]
fn resume_rejects_corrupt_spilled_rows() {
    let _redacted = redact_runs();
    let folder = Folder::with(&[TURN_AROUND]);
    folder.write("input.jsonl", texts(6000));
    let around = step("turn_around").name("around").parameters("at-once = 10");
    folder.write_pipeline(PipelineFile::new().batch_rows(20).add(around));
    kill_after_checkpoint(&folder, &[]);
    let rows = state(&folder).join("0.rows");
    let mut bytes = fs::read(&rows).expect("it exists");
    // The byte is in the first frame, after its header.
    bytes[100] ^= 1;
    fs::write(&rows, bytes).expect("the folder can be written to");
    let output = folder.stillbox(["run", "pipeline.toml", "--resume"]).failed(1);
    let error: Vec<&str> = output.lines().skip(1).take(3).collect();
    insta::assert_snapshot!(error.join("\n"), @r#"
    error: the input of step "around" cannot be read from disk
      caused by: STATE/0.rows is corrupt: a frame is malformed or does not match its checksum
      hint: add `--restart` to start a new run
    "#);
    folder.stillbox(["run", "pipeline.toml", "--restart"]).succeeded();
}
