//! The arguments, as typed.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

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
130 / 143 / 129 stopped by SIGINT / SIGTERM / SIGHUP.";

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Tell more of what Stillbox does; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Where compiled components are kept, and in its folder `outputs` what steps made [default: stillbox/components and
    /// stillbox/outputs in the user's cache directory]
    #[arg(long, global = true, value_name = "DIR", env = "STILLBOX_CACHE", value_hint = ValueHint::DirPath)]
    pub(crate) cache_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a pipeline
    Run(Run),
    /// List runs and what became of them
    Runs(Runs),
    /// Check a pipeline without running it, and print its graph with the columns along each edge
    Check(Check),
    /// Draw a pipeline's graph with the columns along each edge, without running it
    Graph(Graph),
    /// Run steps without a pipeline file, from standard input to standard output
    Pipe(Pipe),
    /// Explain a step: what it does, its parameters, its columns, what it imports
    Inspect(Inspect),
    /// Make the folder of a new step, which builds, passes its case and runs as it is
    New(New),
    /// Compile steps to components and print their paths
    Build(Build),
    /// Run the cases of steps and compare what comes out with what is expected
    Test(Test),
    /// Show how much is kept from run to run, or remove some of it
    Cache(Cache),
    /// Print a completion script for a shell
    Completions(Completions),
}

/// What replaces settings of the pipeline file.
#[derive(Debug, Args)]
pub(crate) struct Changes {
    /// The pipeline file
    #[arg(value_name = "PIPELINE.toml", value_hint = ValueHint::FilePath)]
    pub(crate) pipeline: PathBuf,
    /// Read from here instead; `-` is standard input
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) input: Option<PathBuf>,
    /// Write to here instead; `-` is standard output
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Set a parameter of a step, such as `filter.min-words=5`; may be repeated
    #[arg(long, value_name = "STEP.PARAMETER=VALUE")]
    pub(crate) set: Vec<String>,
    /// Set a limit of a step, such as `filter.memory=256MiB`; may be repeated
    ///
    /// The limits are memory, output-bytes and log-bytes (such as 64KiB, 256MiB or 1GB), time for a batch (such as
    /// 500ms, 30s or 1m30s), fuel and output-rows (whole numbers). They replace those of the pipeline file.
    #[arg(long, value_name = "STEP.NAME=VALUE")]
    pub(crate) limit: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// Threads that run steps [default: one a core]
    #[arg(short, long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// How to show progress
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub(crate) progress: Progress,
    /// Fail the run when more rows than this are rejected: a number such as `100`, or a share such as `1%`
    ///
    /// Rows are rejected by steps with `on-failure = "reject"`, and go to the file of `[rejects]`. A share is of the rows
    /// that are read. This replaces `max-rejects` of the pipeline file; without either, any number may be rejected.
    #[arg(long, value_name = "N|N%")]
    pub(crate) max_rejects: Option<String>,
    /// Write every failure to this file, one JSON object a line
    #[arg(long, value_name = "FILE.jsonl", value_hint = ValueHint::FilePath)]
    pub(crate) failures: Option<PathBuf>,
    /// How to tell what happens
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
    /// When stopped by a signal, let batches in flight go on for this long, such as `10s` or `1m30s` [default: stop at once]
    ///
    /// No new batch begins. A second signal ends the run at once.
    #[arg(long, value_name = "DURATION", value_parser = stillbox::parse_duration)]
    pub(crate) grace: Option<Duration>,
    /// Go on with the run of this pipeline that was stopped, failed or was killed; begin anew if there is none
    ///
    /// With RUN, go on with that run, or fail. The outputs become what they would have become without the stop. A pipeline,
    /// component or input that has changed is refused.
    #[arg(long, value_name = "RUN", num_args = 0..=1, conflicts_with_all = ["restart", "watch"])]
    #[expect(clippy::option_option, reason = "the flag without a value is not the flag with one")]
    pub(crate) resume: Option<Option<String>>,
    /// Begin anew, and throw away what is kept of a run that could go on
    #[arg(long, conflicts_with = "watch")]
    pub(crate) restart: bool,
    /// How often to make sure that the run can go on from where it is, such as `30s` or `1m`
    ///
    /// What is written is put on the disk for it. A run that fails or is stopped does so once more.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = stillbox::parse_duration)]
    pub(crate) checkpoint_every: Duration,
    #[command(flatten)]
    pub(crate) state: StateDirectory,
    /// Run again whenever the pipeline file, a step's sources or an input changes, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Where runs keep their state.
#[derive(Debug, Args)]
pub(crate) struct StateDirectory {
    /// Where runs keep what they need to go on [default: stillbox/runs in the user's state directory]
    #[arg(long, value_name = "DIR", env = "STILLBOX_STATE", hide_env_values = true, value_hint = ValueHint::DirPath)]
    pub(crate) state_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Runs {
    #[command(subcommand)]
    pub(crate) command: Option<RunsCommand>,
    #[command(flatten)]
    pub(crate) state: StateDirectory,
    /// Print the list as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// Show all that is known of a run
    Show {
        /// The run's id
        #[arg(value_name = "RUN")]
        run: String,
    },
    /// Remove what is kept of runs that have ended, and of unfinished ones that nobody went on with for long
    Prune {
        /// How long nothing has happened to an unfinished run, such as `1h`; `0s` removes all that are not running
        #[arg(long, value_name = "DURATION", default_value = "336h", value_parser = stillbox::parse_duration)]
        older_than: Duration,
    },
}

#[derive(Debug, Args)]
#[command(after_help = PIPE_HELP)]
pub(crate) struct Pipe {
    /// Steps in order: a .wasm file or a step's folder, and behind a colon its parameters
    #[arg(value_name = "STEP[:PARAMETERS]", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) steps: Vec<String>,
    /// Read from here; the ending tells the format [default: standard input]
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) input: Option<PathBuf>,
    /// Write to here; the ending tells the format [default: standard output]
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// The format of standard input
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    pub(crate) input_format: PipeFormat,
    /// The format of standard output
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    pub(crate) output_format: PipeFormat,
    /// Set a limit of a step, such as `filter-text.memory=256MiB`; may be repeated
    #[arg(long, value_name = "STEP.NAME=VALUE")]
    pub(crate) limit: Vec<String>,
    /// Threads that run steps [default: one a core]
    #[arg(short, long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// How to show progress
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub(crate) progress: Progress,
    /// Print the pipeline file that this stands for, and run nothing
    #[arg(long)]
    pub(crate) print: bool,
}

const PIPE_HELP: &str = "\
Parameters are KEY=VALUE with commas between them, or a JSON object:

    stillbox pipe steps/normalize-text:column=text steps/filter-text:column=text,min-words=5 < in.jsonl
    stillbox pipe 'steps/filter-text:{\"column\": \"text\", \"min-words\": 5}' --input in.csv --output out.parquet

A value is a TOML value where it reads as one (5, true, \"5\", [\"a\", \"b\"]), and text otherwise. A step is called like its
folder or file. Where a path has a colon in it, the part that exists is the path.";

/// Formats of standard input and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PipeFormat {
    /// JSON Lines
    Jsonl,
    /// CSV with a header
    Csv,
    /// Parquet
    Parquet,
    /// Arrow IPC
    Arrow,
}

impl PipeFormat {
    /// The name in pipeline files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }
}

/// How events and failures are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum MessageFormat {
    /// Text for people, on standard error
    #[default]
    Human,
    /// One JSON object a line on standard output; rows then have to go elsewhere
    Json,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Progress {
    /// A bar on a terminal, plain lines elsewhere
    #[default]
    Auto,
    /// A bar
    Bar,
    /// A line now and then
    Plain,
    /// Only the end
    None,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// Print the graph as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Graph {
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// The language of the picture
    #[arg(long, value_name = "FORMAT", default_value = "mermaid")]
    pub(crate) format: GraphFormat,
}

/// Languages of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Mermaid, which many pages draw that show Markdown
    Mermaid,
    /// Graphviz
    Dot,
    /// A picture for browsers
    Svg,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A .wasm file, or the folder of a step crate
    #[arg(value_name = "STEP", value_hint = ValueHint::AnyPath)]
    pub(crate) step: PathBuf,
    /// Parameters to find the columns for, as a JSON object, such as `{"column": "text"}`
    #[arg(long, value_name = "JSON")]
    pub(crate) parameters: Option<String>,
    /// Print all as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The folder to make; the step is named after it
    #[arg(value_name = "NAME", value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
    /// The language to write it in
    #[arg(long, value_name = "LANG", default_value = "rust")]
    pub(crate) lang: Lang,
    /// What it does with rows
    #[arg(long, value_name = "KIND", default_value = "transform")]
    pub(crate) kind: NewKind,
    /// The folder of the SDK, `guest-sdk` of a clone of Stillbox [default: that of the clone around the folder, or that
    /// which this program was built from]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) sdk: Option<PathBuf>,
}

/// Languages of new steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// Rust
    Rust,
    /// Python
    Python,
}

/// Kinds of new steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewKind {
    /// Adds columns to each row
    Transform,
    /// Keeps or drops each row
    Filter,
    /// Makes several rows of each
    Expand,
    /// Makes rows of nothing but its parameters
    Source,
    /// Sees all rows before it is done
    Aggregate,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Folders of steps: crates, or Python projects
    #[arg(value_name = "DIR", required = true, value_hint = ValueHint::DirPath)]
    pub(crate) folders: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = TEST_HELP)]
pub(crate) struct Test {
    /// Folders of steps [default: the current one]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folders: Vec<PathBuf>,
    /// Run only cases with this text in STEP/CASE
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Write what came out as what is expected, and say which files were written
    ///
    /// Rows and refused rows are written. A failure never is: that a step is to fail is for you to say, in
    /// `expected-failure.toml`.
    #[arg(long)]
    pub(crate) update: bool,
    /// Test this component instead of what the folder builds
    #[arg(long, value_name = "FILE.wasm", value_hint = ValueHint::FilePath)]
    pub(crate) component: Option<PathBuf>,
    /// Write a report in the form of `JUnit` to this file
    #[arg(long, value_name = "FILE.xml", value_hint = ValueHint::FilePath)]
    pub(crate) junit: Option<PathBuf>,
    /// How to tell what came of the cases
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
    /// Run the cases again whenever a step's sources or cases change, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
}

const TEST_HELP: &str = "\
A case is a folder in the step's folder `cases`:

    cases/two-rows/input.jsonl              the rows (none for a source)
    cases/two-rows/parameters.toml          the parameters, if there are any
    cases/two-rows/expected.jsonl           the rows that come out
    cases/two-rows/expected-rejects.jsonl   the rows that are refused: {\"row\": 2, \"message\": \"…\"}
    cases/two-rows/expected-failure.toml    instead of the two: kind = \"panic\", message = \"regex\", row = 2
    cases/two-rows/case.toml                limits = { memory = \"64MiB\" }, columns = { id = \"integer\" },
                                            checks = { single-rows = false }

Every case that makes rows is run again (check `determinism`), in batches of one row (`single-rows`) and in batches of
random sizes (`random-batches`), and has to make the same rows.

Exit codes: 0 all passed, 1 a case failed, 2 a step cannot be tested, or wrong usage.";

#[derive(Debug, Args)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) command: Option<CacheCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Remove compiled components, and outputs of steps with `cache = true`, that were not used for long
    Prune {
        /// How long an entry was of no use, such as `12h`; `0s` removes all [default: 720h]
        #[arg(long, value_name = "DURATION", default_value = "720h", hide_default_value = true, value_parser = stillbox::parse_duration)]
        unused_for: Duration,
        /// The most that is to be left, such as `5GiB`; what was used last stays
        #[arg(long, value_name = "SIZE", value_parser = stillbox::parse_size)]
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
            Command::Run(run) => Ok(run),
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
        .expect("all are right");
        assert_eq!(run.changes.limit, ["a.memory=1GiB", "b.time=5s"]);
        assert_eq!(run.max_rejects.as_deref(), Some("1%"));
        assert_eq!(run.failures, Some(PathBuf::from("f.jsonl")));
        assert_eq!(run.message_format, MessageFormat::Json);
        assert_eq!(run.grace, Some(Duration::from_secs(90)));
    }

    #[test]
    fn nothing_of_it_is_needed() {
        let run = run(&[]).expect("it is right");
        assert_eq!((run.message_format, run.grace, run.failures), (MessageFormat::Human, None, None));
    }

    #[test]
    fn a_grace_without_a_unit_is_told_how_to_write_it() {
        let told = run(&["--grace=10"]).expect_err("it has no unit");
        let expected = "error: invalid value '10' for '--grace <DURATION>': it has no unit; write a number and a unit, \
                        such as 500ms, 30s, 5m, 1h or 1m30s";
        assert_eq!(told.lines().next(), Some(expected));
    }
}
