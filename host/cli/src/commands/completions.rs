//! `stillbox completions`.

use clap::CommandFactory as _;

use crate::args::{Arguments, Completions};
use crate::exit_code::Exit;
use crate::output::console;

/// Prints the script for the shell.
pub(crate) fn execute(arguments: &Completions) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "stillbox", &mut script);
    console::print(&String::from_utf8_lossy(&script))
}
