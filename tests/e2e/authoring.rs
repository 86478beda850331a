//! The commands for authors of steps: `new`, `build`, `pipe`, `--watch`, the guide, and the errors of usual mistakes.

mod author_mistakes;
mod guides;
mod new_command;
mod pipe_command;
mod python_builds;
mod watch;

use std::process::Command;

use crate::harness::Folder;

/// The lock that a test holds while it builds a crate `count-words`, because builds of different tests write the same files.
const COUNT_WORDS: &str = "count-words";

/// The command in a folder. Compiled steps are in the build folder, so the next run of the tests uses them too.
fn command(folder: &Folder) -> Command {
    let mut command = folder.command();
    command.env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/steps")).env_remove("VIRTUAL_ENV");
    // The dependencies of a new step have been fetched for this workspace.
    command.env("CARGO_NET_OFFLINE", "true");
    command
}
