//! The arguments of commands that run, check and draw pipelines, and of `stillbox runs`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::allow::Allow;
use super::output::ShowOutput;

/// Options that replace settings of the pipeline file.
#[derive(Debug, Args)]
pub(crate) struct Changes {
    /// The pipeline file
    #[arg(value_name = "PIPELINE.toml", value_hint = ValueHint::FilePath)]
    pub(crate) pipeline: PathBuf,
    /// Read this file instead; `-` is standard input
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) input: Option<PathBuf>,
    /// Write this file instead; `-` is standard output
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Set a parameter of a step, such as `filter.min-words=5`; may be repeated
    #[arg(long, value_name = "STEP.PARAMETER=VALUE")]
    pub(crate) set: Vec<String>,
    /// Set a limit of a step, such as `filter.memory=256MiB`; may be repeated
    ///
    /// The limits are memory, output-bytes, log-bytes and compile-memory (such as 64KiB, 256MiB or 1GB), time for a batch
    /// and compile-time (such as 500ms, 30s or 1m30s), fuel and output-rows (whole numbers). They replace those of the
    /// pipeline file.
    #[arg(long, value_name = "STEP.NAME=VALUE")]
    pub(crate) limit: Vec<String>,
    /// Set a key of a model, such as `writer.url=http://localhost:8000/v1`; may be repeated
    ///
    /// The keys are url, model, key, concurrency, requests-per-minute, tokens-per-minute, time, retries, give-up-after,
    /// corrections and batch. They replace those of `[[model]]` in the pipeline file.
    #[arg(long, value_name = "MODEL.KEY=VALUE")]
    pub(crate) set_model: Vec<String>,
    /// Reject folders of steps: a build runs scripts of the step outside of the sandbox
    #[arg(long)]
    pub(crate) no_build: bool,
    #[command(flatten)]
    pub(crate) allow: Allow,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// Threads that run steps, at most 4 for each core [default: one per core]
    #[arg(short, long, value_name = "N", value_parser = super::threads)]
    pub(crate) threads: Option<NonZeroUsize>,
    /// How to show progress
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub(crate) progress: Progress,
    /// Stop the run after this time, such as `10m`, with exit code 124
    ///
    /// Planning counts, with the builds and the compiling of steps. This replaces `time` of `[pipeline]`; without either, there
    /// is no limit. A run that saves checkpoints can be resumed, with the whole time again.
    #[arg(long, value_name = "DURATION")]
    pub(crate) time: Option<String>,
    /// Fail if a step differs from `stillbox.lock` next to the pipeline file
    #[arg(long)]
    pub(crate) locked: bool,
    /// Run a pipeline that nobody vouches for: compiled and locked components only, without grants, with low limits
    ///
    /// This includes `--locked`, `--no-build`, and `--bundle stillbox-bundles`. Grants and secrets of the file are ignored, and its limits lowered to at most
    /// 128 MiB of memory and 10 s for a batch, and 10 min for the run.
    #[arg(long, conflicts_with_all = ["allow_http", "allow_dir", "allow_write", "allow_env"])]
    pub(crate) untrusted: bool,
    /// Fail the run if more rows than this are rejected: a number such as `100`, or a share such as `1%`
    ///
    /// Rows are rejected by sources with `on-bad-row = "reject"` and steps with `on-failure = "reject"`, and go to the file
    /// of `[rejects]`. A share is relative to the rows read. This replaces `max-rejects` of the pipeline file; without
    /// either, there is no limit.
    #[arg(long, value_name = "N|N%")]
    pub(crate) max_rejects: Option<String>,
    /// Write every failure to this file, one JSON object per line
    #[arg(long, value_name = "FILE.jsonl", value_hint = ValueHint::FilePath)]
    pub(crate) failures: Option<PathBuf>,
    /// Write a report about the run to this file: an HTML page without scripts and links
    #[arg(long, value_name = "FILE.html", value_hint = ValueHint::FilePath)]
    pub(crate) report: Option<PathBuf>,
    /// Write a JUnit report to this file: a test suite for each step
    #[arg(long, value_name = "FILE.xml", value_hint = ValueHint::FilePath)]
    pub(crate) junit: Option<PathBuf>,
    /// Write the failures as SARIF to this file, for code scanning
    #[arg(long, value_name = "FILE.sarif", value_hint = ValueHint::FilePath)]
    pub(crate) sarif: Option<PathBuf>,
    /// Write a trace of the run to this file, for `https://ui.perfetto.dev` or `chrome://tracing`
    #[arg(long, value_name = "FILE.json", value_hint = ValueHint::FilePath)]
    pub(crate) trace: Option<PathBuf>,
    /// Send traces and metrics by OTLP to this URL, or to `OTEL_EXPORTER_OTLP_ENDPOINT`
    #[cfg(feature = "otlp")]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) otlp: Option<String>,
    /// Whether to mark failures in the files of a workflow, and to write its summary
    #[arg(long, value_name = "WHERE", default_value = "auto")]
    pub(crate) annotations: Annotations,
    /// Write a bundle to this folder for each failure, with which `stillbox replay` makes its call again
    ///
    /// A bundle has the component, its parameters, the rows of the call, and the responses that it got, without secrets. The first ten
    /// rejected rows have one, and each failure that ends the run. This replaces `bundle-on-failure` of `[pipeline]`.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "on")]
    pub(crate) bundle: Option<PathBuf>,
    /// Leave out all columns of bundles but these, and those that the failing step reads
    ///
    /// Without a name, only the columns that the step reads are included.
    #[arg(long, value_name = "NAME,NAME", num_args = 0..=1, value_delimiter = ',', conflicts_with = "on")]
    pub(crate) columns: Option<Vec<String>>,
    /// Format of messages: events and failures
    ///
    /// With `json`, the rows of the pipeline have to go to a file.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
    /// After a signal, let batches in flight finish for this time, such as `10s` or `1m30s` [default: stop at once]
    ///
    /// No new batch starts. A second signal ends the process immediately.
    #[arg(long, value_name = "DURATION", value_parser = stillbox::units::parse_duration)]
    pub(crate) grace: Option<Duration>,
    /// Resume this pipeline's last unfinished run, or start a new one
    ///
    /// With RUN, resume that run, or fail if it cannot be resumed. The outputs are the same as those of a run without
    /// interruption. Fails if the pipeline, a component or an input has changed.
    #[arg(long, value_name = "RUN", num_args = 0..=1, conflicts_with_all = ["restart", "watch"], value_parser = run_id)]
    #[expect(clippy::option_option, reason = "the flag without a value is not the flag with one")]
    pub(crate) resume: Option<Option<String>>,
    /// Start a new run, and discard an unfinished one
    #[arg(long, conflicts_with = "watch")]
    pub(crate) restart: bool,
    /// The time between two checkpoints, such as `30s` or `1m`
    ///
    /// A run can be resumed from its last checkpoint. Each checkpoint flushes the outputs to disk. A run that fails or is
    /// stopped saves a final checkpoint.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = stillbox::units::parse_duration)]
    pub(crate) checkpoint_every: Duration,
    #[command(flatten)]
    pub(crate) state: StateDirectory,
    #[command(flatten)]
    pub(crate) show: ShowOutput,
    /// Run the steps on a cluster: `ray`, or `ray:ADDRESS` such as `ray:auto` or `ray:10.0.0.1:6379`
    ///
    /// Without an address, Ray connects to the cluster that `RAY_ADDRESS` names, or starts one on this machine. This needs the
    /// command of the Python package: `pip install "stillbox[ray]"`.
    #[arg(long, value_name = "CLUSTER", conflicts_with_all = ["threads", "watch", "show_output"])]
    pub(crate) on: Option<String>,
    /// Run again after each change of the pipeline file, a step's sources or an input, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Profile {
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// Profile this step alone
    #[arg(long, value_name = "STEP")]
    pub(crate) step: Option<String>,
    /// Write the flame graph to this file
    #[arg(long, value_name = "FILE.svg", default_value = "profile.svg", value_hint = ValueHint::FilePath)]
    pub(crate) svg: PathBuf,
    /// Write the profile to this file, for `https://profiler.firefox.com`
    #[arg(long, value_name = "FILE.json", default_value = "profile.json", value_hint = ValueHint::FilePath)]
    pub(crate) json: PathBuf,
    /// Threads that run steps, at most 4 for each core [default: one per core]
    #[arg(short, long, value_name = "N", value_parser = super::threads)]
    pub(crate) threads: Option<NonZeroUsize>,
    /// How to show progress
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub(crate) progress: Progress,
}

/// Parses the id of a run. A pipeline file in its place is a common mistake, since the id may be left out.
fn run_id(written: &str) -> Result<String, String> {
    if written.is_empty() {
        return Err("the id is empty; leave out `=` to resume the last unfinished run".into());
    }
    if Path::new(written).extension().is_some_and(|extension| extension == "toml") {
        return Err("this is a pipeline file and not the id of a run; write the file before `--resume`".into());
    }
    Ok(written.to_owned())
}

/// The option for the state of runs.
#[derive(Debug, Args)]
pub(crate) struct StateDirectory {
    /// The folder of the state of runs [default: stillbox/runs in the user's state directory]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "STILLBOX_STATE",
        hide_env_values = true,
        value_hint = ValueHint::DirPath
    )]
    pub(crate) state_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Runs {
    #[command(subcommand)]
    pub(crate) command: Option<RunsCommand>,
    #[command(flatten)]
    pub(crate) state: StateDirectory,
    /// Print the list, or the run, as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// Show one run
    Show {
        /// The run's id
        #[arg(value_name = "RUN")]
        run: String,
    },
    /// Remove finished runs, and unfinished ones that have not changed for a long time
    Prune {
        /// Remove unfinished runs that have not changed for this time, such as `1h`; `0s` removes all that are not running
        #[arg(long, value_name = "DURATION", default_value = "336h", value_parser = stillbox::units::parse_duration)]
        older_than: Duration,
    },
}

/// Systems that show annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Annotations {
    /// GitHub in one of its workflows, otherwise nowhere
    #[default]
    Auto,
    /// GitHub
    Github,
    /// Nowhere
    None,
}

/// Formats of events and failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum MessageFormat {
    /// Text for people, on standard error
    #[default]
    Human,
    /// One JSON object per line on standard output
    Json,
}

/// Ways to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Progress {
    /// A bar on a terminal, plain lines elsewhere
    #[default]
    Auto,
    /// A bar
    Bar,
    /// A line every 10 seconds
    Plain,
    /// Only warnings and the summary
    None,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// Fail if a step differs from `stillbox.lock` next to the pipeline file
    #[arg(long)]
    pub(crate) locked: bool,
    /// Send a short request of each kind to each model, and print whether it answers; this costs some tokens
    #[arg(long)]
    pub(crate) probe: bool,
    /// Run the first ROWS rows of each source with placeholders for the answers of models, and print the requests, tokens and cost that a
    /// run would have [default of ROWS: 100]
    ///
    /// The sources are read to their end, to count their rows. Models get no request, and nothing is written. Requests by HTTP that steps are
    /// granted are sent.
    #[arg(long, value_name = "ROWS", num_args = 0..=1, require_equals = true, default_missing_value = "100", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) estimate: Option<u32>,
    /// Print the graph, or the errors and failures, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Lock {
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// Lock only this step again, and leave the other entries as they are; may be repeated
    #[arg(long, value_name = "STEP")]
    pub(crate) update: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Graph {
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// The format of the picture
    #[arg(long, value_name = "FORMAT", default_value = "mermaid")]
    pub(crate) format: GraphFormat,
}

/// Formats of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Mermaid, which many Markdown viewers draw
    Mermaid,
    /// Graphviz
    Dot,
    /// An SVG picture
    Svg,
}
