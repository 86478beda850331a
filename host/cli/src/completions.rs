//! `stillbox completions`.

use clap::CommandFactory as _;

use super::args::{Arguments, Completions};
use super::console;
use super::exit_code::Exit;

/// Prints the script for the shell.
pub(super) fn execute(arguments: &Completions) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "stillbox", &mut script);
    console::print(&String::from_utf8_lossy(&script))
}
