//! The commands for authors of steps: `new`, `build`, `pipe`, `--watch`, the guide, and the errors of usual mistakes.

mod author_mistakes;
mod guides;
mod new_command;
mod pipe_command;
mod python_builds;
mod python_environments;
mod python_tests;
mod rust_builds;
mod watch;

use std::process::Command;

use crate::harness::Folder;

/// The command in a folder.
fn command(folder: &Folder) -> Command {
    let mut command = folder.command();
    command.env_remove("CARGO_TARGET_DIR").env_remove("VIRTUAL_ENV");
    // The dependencies of a new step have been fetched for this workspace.
    command.env("CARGO_NET_OFFLINE", "true");
    command
}
