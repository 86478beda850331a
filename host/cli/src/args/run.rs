//! The arguments of commands that run and look at pipelines.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

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
    /// Threads that run steps, at most 4 for each core [default: one for each core]
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
    /// Print the graph, or what is wrong, as JSON
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
