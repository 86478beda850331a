//! The command `stillbox`: the only part of Stillbox that prints, listens for signals and chooses exit codes.
//!
//! It is a library so that the Python package has the same command. A process calls [`main`] once.

mod args;
mod ci;
mod commands;
mod directories;
mod exit_code;
mod final_message;
mod logging;
mod os;
#[cfg(feature = "otlp")]
mod otlp;
mod output;
mod panics;
mod picture;
mod profile;
mod program;
mod report;
mod signals;
mod trace;
mod watch;

use clap::Parser as _;

use args::Arguments;
use signals::Signals;

pub use directories::{component_directory_of_user, download_directory_of_user, result_directory_of_user};
pub use output::texts::{error_text, failure_text, run_error_text};
pub use program::{ConnectCluster, Program};

/// Runs the command and returns its exit code. `--help`, and wrong arguments, end the process.
///
/// # Panics
/// If it is called a second time: signal handlers and the log belong to the process.
pub fn main(program: Program) -> u8 {
    let arguments = Arguments::parse_from(&program.arguments);
    program::set(program);
    logging::start(arguments.global.verbose);
    if arguments.global.quiet {
        output::render::be_quiet();
    }
    if arguments.global.verbose > 0 {
        output::render::be_verbose();
    }
    os::raise_limit();
    let signals = Signals::listen();
    signals.leave(commands::execute(arguments, &signals))
}
