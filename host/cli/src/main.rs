//! The command `stillbox`: the only part of Stillbox that prints, listens for signals and chooses exit codes.

mod args;
mod build;
mod cache;
mod check;
mod completions;
mod console;
mod diagnostics;
mod errors;
mod exit_code;
mod final_message;
mod graph;
mod inspect;
mod messages;
mod new;
mod panics;
mod pipe;
mod progress;
mod records;
mod render;
mod resume;
mod run;
mod runs;
mod schema;
mod signals;
mod summary;
mod test;
mod tree;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use args::{Arguments, Command, Global};
use exit_code::Exit;
use signals::Signals;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    set_up(&arguments.global);
    let signals = Signals::listen();
    signals.leave(execute(arguments, &signals))
}

/// Sends Stillbox's own log to standard error, in as much detail as was asked for, and there alone what is said of panics
/// that are told as failures.
fn set_up(global: &Global) {
    let level = match global.verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter = EnvFilter::builder().parse_lossy(format!("off,stillbox={level}"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(render::is_coloured())
        .without_time()
        .with_target(false)
        // It would panic where nothing can be written.
        .log_internal_errors(false)
        .init();
    panics::listen();
}

/// Does what was asked.
fn execute(arguments: Arguments, signals: &Signals) -> Exit {
    let Arguments { command, global } = arguments;
    match command {
        Command::Run(arguments) => run::execute(&arguments, &global, signals),
        Command::Pipe(arguments) => pipe::execute(&arguments, &global, signals),
        Command::Runs(arguments) => runs::execute(&arguments),
        Command::Check(arguments) => check::execute(&arguments, &global, signals),
        Command::Graph(arguments) => graph::execute(&arguments, &global, signals),
        Command::Schema => schema::execute(),
        Command::Inspect(arguments) => inspect::execute(&arguments, &global, signals),
        Command::New(arguments) => new::execute(&arguments),
        Command::Build(arguments) => build::execute(&arguments, signals),
        Command::Test(arguments) => test::execute(&arguments, &global, signals),
        Command::Cache(arguments) => cache::execute(&arguments, &global),
        Command::Completions(arguments) => completions::execute(&arguments),
    }
}
