//! The checkpoint that a signal leaves: nothing is synced for it, and it is valid until the system restarts.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use stillbox_test_guests::ADD_COLUMN;

use super::{info, kill_after_checkpoint, texts};
use crate::harness::{Events, Folder, PipelineFile, end, send, sink, spawn, step};

const ROWS: usize = 60_000;

/// Attempts to interrupt a run so that it saves a last checkpoint. On a busy machine it may have no time for one.
const ATTEMPTS: usize = 20;

/// A folder with a run that was interrupted without a grace, and saved a checkpoint. Returns the path of the checkpoint, and the rows
/// of the one before it.
fn interrupted() -> (Folder, PathBuf, u64) {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", texts(ROWS));
    // Parquet has further files in the folder of the run.
    let sinks = [sink("output.jsonl"), sink("output.parquet").from(&["add_column"])];
    let [text, parquet] = sinks;
    folder.write_pipeline(PipelineFile::new().batch_rows(20).add(step("add_column")).add(text).add(parquet));
    kill_after_checkpoint(&folder, &[]);
    let run = PathBuf::from(info(&folder)[0]["folder"].as_str().expect("it has a folder"));
    let synced = info(&folder)[0]["rows"].as_u64().expect("it is a number");
    let last = run.join("checkpoint-until-restart");
    for _ in 0..ATTEMPTS {
        let before = info(&folder)[0]["rows"].as_u64().expect("it is a number");
        let arguments = ["run", "pipeline.toml", "--resume", "--message-format", "json", "--checkpoint-every", "1h"];
        let mut child = spawn(folder.command().args(arguments));
        let mut events = Events::new(&mut child);
        assert!(events.any(|event| event["rows_in"].as_u64() >= Some(before + 100)), "the run ended too early");
        send(&child, Signal::INT);
        events.for_each(drop);
        assert_eq!(end(child), Some(130));
        if last.exists() {
            return (folder, last, synced);
        }
    }
    panic!("{ATTEMPTS} runs saved no checkpoint after a signal");
}

fn resume(folder: &Folder) {
    folder.stillbox(["run", "pipeline.toml", "--resume"]).succeeded();
    let (text, parquet) = (folder.text("output.jsonl"), fs::read(folder.join("output.parquet")).expect("it exists"));
    folder.stillbox(["run", "pipeline.toml"]).succeeded();
    assert!(folder.text("output.jsonl") == text && text.lines().count() == ROWS);
    assert!(fs::read(folder.join("output.parquet")).expect("it exists") == parquet);
}

#[test]
fn a_run_is_resumed_from_a_checkpoint_that_is_not_synced() {
    let (folder, _, synced) = interrupted();
    assert!(info(&folder)[0]["rows"].as_u64() >= Some(synced + 100), "{}", info(&folder));
    resume(&folder);
}

/// After a loss of power the file may be incomplete, and the outputs end anywhere after their synced length.
#[test]
fn a_run_is_resumed_from_the_synced_checkpoint_if_the_later_one_is_not_valid() {
    let (folder, last, synced) = interrupted();
    let content = fs::read(&last).expect("it exists");
    fs::write(last, &content[..content.len() / 2]).expect("there is room");
    assert_eq!(info(&folder)[0]["rows"].as_u64(), Some(synced));
    resume(&folder);
}
