//! The author's kit: from a name to a tested step, and what an author is told on the way.

mod author_mistakes;
mod guides;
mod new_command;
mod pipe_command;
mod python_builds;
mod watch;

use std::process::Command;

use crate::harness::Folder;

/// The lock that a test holds while it builds a crate `count-words`: those of different tests become files of one name.
const COUNT_WORDS: &str = "count-words";

/// The command in a folder, with compiled steps where the next run of the tests finds them, too.
fn command(folder: &Folder) -> Command {
    let mut command = folder.command();
    command.env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/steps")).env_remove("VIRTUAL_ENV");
    // All that a new step depends on was fetched for this workspace.
    command.env("CARGO_NET_OFFLINE", "true");
    command
}

/// What was printed, without the times that it took and the folder that it was in.
fn plain(text: &str, folder: &Folder) -> String {
    let text = text.replace(&format!("{}/", folder.path().display()), "");
    let text = text.replace(&folder.path().display().to_string(), "[DIR]");
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    text.replace(&root.display().to_string(), "[CLONE]")
}
