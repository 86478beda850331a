//! The command `stillbox`.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

// Threads that allocate need not wait for one another, not even for a guest's that has no turn: that is what a signal waited
// for. It is faster than the C library's, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    cli::set_up(&arguments.global);
    let signals = cli::Signals::listen();
    cli::leave(cli::execute(arguments, &signals))
}
