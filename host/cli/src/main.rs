//! The command `stillbox`: the only part of Stillbox that prints, listens for signals and chooses exit codes.

mod args;
mod commands;
mod directories;
mod exit_code;
mod final_message;
mod logging;
mod output;
mod panics;
mod signals;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use args::Arguments;
use signals::Signals;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::start(arguments.global.verbose);
    let signals = Signals::listen();
    signals.leave(commands::execute(arguments, &signals))
}
