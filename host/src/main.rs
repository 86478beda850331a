//! The command `stillbox`.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    cli::set_up(&arguments.global);
    cli::one_for_each_thread();
    let signals = cli::Signals::listen();
    signals.leave(cli::execute(arguments, &signals))
}
