//! The arguments, as typed.

mod allow;
mod author;
mod output;
mod pipe;
mod replay;
mod run;
mod share;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

pub(crate) use allow::Allow;
pub(crate) use author::{Build, Inspect, Lang, New, NewKind, Test};
pub(crate) use pipe::{InputFormat, OutputFormat, Pipe};
pub(crate) use replay::Replay;
pub(crate) use run::{
    Annotations, Changes, Check, Graph, GraphFormat, Lock, MessageFormat, Profile, Progress, Run, Runs, RunsCommand,
    StateDirectory,
};

pub(crate) use share::{Pull, Push};

/// Parses a number of threads.
fn threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "a number from 1 is needed".to_owned())
}

/// Runs data pipelines whose steps are WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "stillbox", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

const AFTER_HELP: &str = "\
A pipeline file names a source, steps and a sink:

    [pipeline]
    name = \"clean-text\"

    [[source]]
    path = \"input.jsonl\"

    [[step]]
    name = \"normalize\"
    component = \"steps/normalize-text\"   # a step crate's folder, or a .wasm file
    parameters = { column = \"text\" }

    [[sink]]
    path = \"output.jsonl\"

Exit codes: 0 done, 1 a step, the input or a sink failed, 2 wrong usage or configuration,
3 a replay had another outcome, 75 models answer in batches that have not ended,
124 the time limit of the run has passed,
130 / 143 / 129 / 131 stopped by SIGINT / SIGTERM / SIGHUP / SIGQUIT.";

/// The place of these options in the help: after those of the command, of which there are fewer.
const LAST: usize = 900;

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print the log of Stillbox; twice for more detail
    #[arg(short, long, global = true, display_order = LAST, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print errors, warnings and results only: no progress and no summary
    #[arg(short, long, global = true, display_order = LAST, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// The folder of compiled components; its folder `outputs` has cached results of steps, and `downloads` downloaded
    /// components [default: stillbox/components, stillbox/outputs and stillbox/downloads in the user's cache directory]
    #[arg(
        long,
        global = true,
        display_order = LAST + 1,
        value_name = "DIR",
        env = "STILLBOX_CACHE",
        value_hint = ValueHint::DirPath
    )]
    pub(crate) cache_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a pipeline
    Run(Box<Run>),
    /// List runs, show one, or remove old ones
    Runs(Runs),
    /// Make the call of a step again that failed in a run, from its bundle
    Replay(Replay),
    /// Run a pipeline, and show which functions of its steps take the time
    Profile(Box<Profile>),
    /// Check a pipeline without running it, and print its graph
    Check(Check),
    /// Draw a pipeline's graph with the columns of each edge, without running it
    Graph(Graph),
    /// Write what the steps of a pipeline are, and what they are granted, to `stillbox.lock`
    Lock(Lock),
    /// Print the JSON Schema of the pipeline file, for editors
    Schema,
    /// Run steps without a pipeline file, from standard input to standard output
    Pipe(Pipe),
    /// Describe a step: its summary, parameters, columns and imports
    Inspect(Inspect),
    /// Create the folder of a new step, with a case and a pipeline
    New(New),
    /// Compile steps to components and print their paths
    Build(Build),
    /// Run the cases of steps, and show differences between expected and actual rows
    Test(Test),
    /// Download a component, and print its reference with the digest
    Pull(Pull),
    /// Upload a step to a registry, and print its reference with the digest
    Push(Push),
    /// Show the sizes of the caches, or remove old entries
    Cache(Cache),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Compile the component on standard input, for another process of this program
    #[command(hide = true)]
    CompileComponent(CompileComponent),
}

#[derive(Debug, Args)]
pub(crate) struct CompileComponent {
    /// The settings of the compiler
    pub(crate) settings: String,
    /// The largest memory, in bytes
    pub(crate) memory: String,
    /// The longest time
    pub(crate) time: String,
}

#[derive(Debug, Args)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) command: Option<CacheCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Remove what was not used recently: compiled components, downloads, what builds store, and results of steps with `cache = true`
    Prune {
        /// Remove entries that were not used for this time, such as `12h`; `0s` removes all [default: 720h]
        #[arg(long, value_name = "DURATION", default_value = "720h", hide_default_value = true, value_parser = stillbox::units::parse_duration)]
        unused_for: Duration,
        /// Then remove entries, those unused for longest first, until the rest is at most this large, such as `5GiB`
        #[arg(long, value_name = "SIZE", value_parser = stillbox::units::parse_size)]
        max_size: Option<u64>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &[&str]) -> Result<Run, String> {
        let arguments = [&["stillbox", "run", "p.toml"], arguments].concat();
        match Arguments::try_parse_from(arguments).map_err(|error| error.to_string())?.command {
            Command::Run(run) => Ok(*run),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn failures_and_limits_have_flags() {
        let run = run(&[
            "--limit=a.memory=1GiB",
            "--limit=b.time=5s",
            "--max-rejects=1%",
            "--failures=f.jsonl",
            "--message-format=json",
            "--grace=1m30s",
        ])
        .expect("the arguments are valid");
        assert_eq!(run.changes.limit, ["a.memory=1GiB", "b.time=5s"]);
        assert_eq!(run.max_rejects.as_deref(), Some("1%"));
        assert_eq!(run.failures, Some(PathBuf::from("f.jsonl")));
        assert_eq!(run.message_format, MessageFormat::Json);
        assert_eq!(run.grace, Some(Duration::from_secs(90)));
    }

    #[test]
    fn failures_and_limits_are_optional() {
        let run = run(&[]).expect("the arguments are valid");
        assert_eq!((run.message_format, run.grace, run.failures), (MessageFormat::Human, None, None));
    }

    #[test]
    fn a_grace_without_a_unit_gets_an_error_with_examples() {
        let error = run(&["--grace=10"]).expect_err("it has no unit");
        let expected = "error: invalid value '10' for '--grace <DURATION>': it has no unit; write a number and a unit, \
                        such as 500ms, 30s, 5m, 1h or 1m30s";
        assert_eq!(error.lines().next(), Some(expected));
    }
}
