//! Runs that go on where they stopped.

mod kills;
mod rejected;
mod stopped_runs;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::harness::Folder;

/// The rows of an input, all of which have one of fifty ids.
pub(crate) fn texts(count: usize) -> String {
    let text = |row: usize| format!("text {row} {}", "x".repeat(row % 90));
    (0..count).map(|row| format!("{{\"id\":{},\"text\":\"{}\"}}\n", row % 50, text(row))).collect()
}

/// Starts a run that writes checkpoints all the time, and tells events on its standard output.
fn started(folder: &Folder, arguments: &[&str]) -> Child {
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--message-format", "json", "--checkpoint-every", "1ms"]).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command can be run")
}

/// The events of a run, as they come.
fn events(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().expect("it is piped")).lines().map_while(Result::ok)
}

/// Reads events until so many batches are written. False if the run ends before.
fn wait_for_batches(events: &mut impl Iterator<Item = String>, batches: usize) -> bool {
    events.filter(|line| line.contains("\"progress\"")).take(batches).count() == batches
}

/// Runs a pipeline, and kills it once there is a checkpoint.
pub(crate) fn killed(folder: &Folder, arguments: &[&str]) {
    let mut child = started(folder, arguments);
    // Whoever lists runs does not disturb them.
    // Another that ended within the same second may be above it in the list.
    let is_resumable = || info(folder).as_array().is_some_and(|runs| runs.iter().any(|run| run["resumable"] == true));
    let is_known = |line: String| line.contains("\"progress\"") && is_resumable();
    let has_checkpoint = events(&mut child).any(is_known);
    let _ = child.kill();
    child.wait().expect("it can be waited for");
    assert!(has_checkpoint, "the run ended too early");
}

/// All runs, as the command lists them.
fn info(folder: &Folder) -> serde_json::Value {
    let listed = folder.stillbox(["runs", "--json"]).succeeded();
    serde_json::from_slice(&listed.stdout).expect("it is JSON")
}

/// The command in a shell.
fn shell(folder: &Folder, script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_stillbox")]).current_dir(folder.path());
    command.env("STILLBOX_CACHE", crate::harness::CACHE).env("STILLBOX_STATE", folder.state());
    command
}
