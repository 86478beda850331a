//! The arguments of `stillbox pipe`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::allow::Allow;
use super::output::ShowOutput;
use super::run::Progress;

#[derive(Debug, Args)]
#[command(after_help = PIPE_HELP)]
pub(crate) struct Pipe {
    /// Steps in order: a .wasm file or a step's folder, then its parameters after a colon
    #[arg(value_name = "STEP[:PARAMETERS]", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) steps: Vec<String>,
    /// Read this file [default: standard input]
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) input: Option<PathBuf>,
    /// Write this file [default: standard output]
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// The format of the input [default: by its extension; `jsonl` for standard input]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) input_format: Option<InputFormat>,
    /// Set a key of the source, such as `csv.delimiter=";"` or `on-bad-row=reject`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) source: Vec<String>,
    /// Write rejected rows to this file, which ends in .jsonl, .jsonl.gz or .jsonl.zst
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) rejects: Option<PathBuf>,
    /// The format of the output [default: by its extension; `jsonl` for standard output]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output_format: Option<OutputFormat>,
    /// Set a limit of a step, such as `filter-text.memory=256MiB`; may be repeated
    #[arg(long, value_name = "STEP.NAME=VALUE")]
    pub(crate) limit: Vec<String>,
    /// Set a key of a model that answers the steps, such as `default.url=http://localhost:8000/v1`; may be repeated
    ///
    /// The name of a model is the part that it plays in a step: `default` for the only one. `url` and `model` are required; `key` is
    /// the variable of the environment that contains the key.
    #[arg(long, value_name = "MODEL.KEY=VALUE")]
    pub(crate) set_model: Vec<String>,
    /// Reject folders of steps: a build runs scripts of the step outside of the sandbox
    #[arg(long)]
    pub(crate) no_build: bool,
    #[command(flatten)]
    pub(crate) allow: Allow,
    /// Threads that run steps, at most 4 for each core [default: one per core]
    #[arg(short, long, value_name = "N", value_parser = super::threads)]
    pub(crate) threads: Option<NonZeroUsize>,
    /// How to show progress
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub(crate) progress: Progress,
    #[command(flatten)]
    pub(crate) show: ShowOutput,
    /// Print the equivalent pipeline file, and run nothing
    #[arg(long)]
    pub(crate) print: bool,
}

const PIPE_HELP: &str = "\
Parameters are KEY=VALUE pairs with commas between them, or a JSON object:

    stillbox pipe steps/normalize-text:column=text steps/filter-text:column=text,min-words=5 < in.jsonl
    stillbox pipe 'steps/filter-text:{\"column\": \"text\", \"min-words\": 5}' --input in.csv --output out.parquet

A value is a TOML value if it parses as one (5, true, \"5\", [\"a\", \"b\"]), and text otherwise. The name
of a step is that of its folder or file. If a path contains a colon, the part that exists is the path.";

/// Formats of inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormat {
    /// JSON Lines
    Jsonl,
    /// JSON: an array of objects, or objects one after the other
    Json,
    /// CSV
    Csv,
    /// Parquet
    Parquet,
    /// Arrow IPC
    Arrow,
}

impl InputFormat {
    /// Returns the name in pipeline files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }
}

/// Formats of outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// JSON Lines
    Jsonl,
    /// CSV with a header
    Csv,
    /// Parquet
    Parquet,
    /// Arrow IPC
    Arrow,
}

impl OutputFormat {
    /// Returns the name in pipeline files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }
}
