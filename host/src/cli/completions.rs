//! `stillbox completions`.

use std::io;

use clap::CommandFactory as _;

use super::args::{Arguments, Completions};
use super::exit_code::Exit;

/// Prints the script for the shell.
pub(super) fn execute(arguments: &Completions) -> Exit {
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "stillbox", &mut io::stdout());
    Exit::Done
}
