//! `--resume`: runs that continue from their last checkpoint, and the state that runs leave.

mod kills;
mod last_checkpoint;
mod rejected;
mod stopped_runs;

use std::process::Child;

use crate::harness::{Events, Folder, spawn};

/// Rows for an input. Each has one of fifty ids.
pub(crate) fn texts(count: usize) -> String {
    let text = |row: usize| format!("text {row} {}", "x".repeat(row % 90));
    (0..count).map(|row| format!("{{\"id\":{},\"text\":\"{}\"}}\n", row % 50, text(row))).collect()
}

/// Starts a run that writes checkpoints as often as possible, and emits events.
fn start(folder: &Folder, arguments: &[&str]) -> Child {
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--message-format", "json", "--checkpoint-every", "1ms"]).args(arguments);
    spawn(&mut command)
}

/// Reads events until this number of batches is written. Returns false if the run ends before.
fn wait_for_batches(events: impl Iterator<Item = serde_json::Value>, batches: usize) -> bool {
    events.filter(|event| event["event"] == "progress").take(batches).count() == batches
}

/// Runs a pipeline, and kills it after its first checkpoint.
pub(crate) fn kill_after_checkpoint(folder: &Folder, arguments: &[&str]) {
    let mut child = start(folder, arguments);
    // Another run that ended within the same second may be first in the list. Listing runs does not disturb them.
    let is_resumable = || info(folder).as_array().is_some_and(|runs| runs.iter().any(|run| run["resumable"] == true));
    let has_checkpoint = Events::new(&mut child).any(|event| event["event"] == "progress" && is_resumable());
    let _ = child.kill();
    child.wait().expect("it can be waited for");
    assert!(has_checkpoint, "the run ended before its first checkpoint");
}

/// All runs, as `stillbox runs --json` lists them.
fn info(folder: &Folder) -> serde_json::Value {
    folder.stillbox(["runs", "--json"]).succeeded().json()
}

/// Starts a run that writes checkpoints, and kills it after this many batches. Returns false if it ended before.
pub(crate) fn killed_after(folder: &Folder, arguments: &[&str], batches: usize) -> bool {
    let mut child = start(folder, arguments);
    let is_running = wait_for_batches(&mut Events::new(&mut child), batches);
    let _ = child.kill();
    child.wait().expect("it can be waited for");
    is_running
}
