//! The commands, one module each. Each `execute` takes the arguments as typed and returns how the command ended.

mod build;
mod cache;
mod check;
mod compile_component;
mod completions;
mod graph;
mod inspect;
mod lock;
mod new;
mod pipe;
mod profile;
mod pull;
mod push;
mod replay;
mod run;
mod runs;
mod schema;
mod shared;
mod test;

use crate::args::{Arguments, Command};
use crate::exit_code::Exit;
use crate::signals::Signals;

/// Executes the command.
pub(crate) fn execute(arguments: Arguments, signals: &Signals) -> Exit {
    let Arguments { command, global } = arguments;
    match command {
        Command::Run(arguments) => run::execute(&arguments, &global, signals),
        Command::Profile(arguments) => profile::execute(&arguments, &global, signals),
        Command::Pipe(arguments) => pipe::execute(&arguments, &global, signals),
        Command::Replay(arguments) => replay::execute(&arguments, &global, signals),
        Command::Runs(arguments) => runs::execute(&arguments),
        Command::Check(arguments) => check::execute(&arguments, &global, signals),
        Command::Graph(arguments) => graph::execute(&arguments, &global, signals),
        Command::Lock(arguments) => lock::execute(&arguments, &global, signals),
        Command::Schema => schema::execute(),
        Command::Inspect(arguments) => inspect::execute(&arguments, &global, signals),
        Command::New(arguments) => new::execute(&arguments),
        Command::Build(arguments) => build::execute(&arguments, &global, signals),
        Command::Test(arguments) => test::execute(&arguments, &global, signals),
        Command::Pull(arguments) => pull::execute(&arguments, &global, signals),
        Command::Push(arguments) => push::execute(&arguments, &global, signals),
        Command::Cache(arguments) => cache::execute(&arguments, &global),
        Command::Completions(arguments) => completions::execute(&arguments),
        Command::CompileComponent(arguments) => compile_component::execute(&arguments),
    }
}
