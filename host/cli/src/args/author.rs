//! The arguments of commands for step authors.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use stillbox_author::cases::Shard;

use super::allow::Allow;
use super::output::ShowOutput;
use super::run::MessageFormat;

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A .wasm file, the folder of a step, or a reference such as `oci://REGISTRY/NAME:TAG`
    #[arg(value_name = "STEP", value_hint = ValueHint::AnyPath)]
    pub(crate) step: PathBuf,
    /// Parameters, as a JSON object, for which the columns are shown, such as `{"column": "text"}`
    #[arg(long, value_name = "JSON")]
    pub(crate) parameters: Option<String>,
    /// Reject folders of steps: a build runs scripts of the step outside of the sandbox
    #[arg(long)]
    pub(crate) no_build: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The folder to create; the step has its name
    #[arg(value_name = "NAME", value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
    /// The language of the step
    #[arg(long, value_name = "LANG", default_value = "rust")]
    pub(crate) lang: Lang,
    /// The kind of the step
    #[arg(long, value_name = "KIND", default_value = "transform")]
    pub(crate) kind: NewKind,
    /// The folder of the SDK, `guest-sdk` of a clone of Stillbox [default: that of the clone around the folder, or the SDK
    /// that is part of this program]
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
    /// JavaScript
    Javascript,
}

/// Kinds of new steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewKind {
    /// Adds columns to each row
    Transform,
    /// Keeps or drops each row
    Filter,
    /// Returns several rows for each row
    Expand,
    /// Creates rows from its parameters
    Source,
    /// Reads all rows before it returns its result
    Aggregate,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Folders of steps [default: the current one]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folders: Vec<PathBuf>,
    /// Write the component to this file, or into this folder if it exists or there are several steps
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = TEST_HELP)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Test {
    /// Folders of steps [default: the current one]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folders: Vec<PathBuf>,
    /// Run only cases with this text in STEP/CASE
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Overwrite the expected files with the actual output, and print which files were written
    ///
    /// Output rows and rejected rows are written. An expected failure is never written: add `expected-failure.toml` by
    /// hand.
    #[arg(long)]
    pub(crate) update: bool,
    /// Send the requests of each case, and write the responses to its folder `http`
    ///
    /// Without this, a case with recorded responses uses no network. The URLs have to be granted, in `case.toml` or by
    /// `--allow-http`. With `--set-model`, the answers of models are written to `answers.jsonl`.
    #[arg(long, conflicts_with = "watch")]
    pub(crate) record: bool,
    /// With `--record`, set a key of a model that answers the steps, such as `default.url=http://localhost:8000/v1`; may be repeated
    ///
    /// The name of a model is the part that it plays in a step: `default` for the only one. `url` and `model` are required; `key` is
    /// the variable of the environment that contains the key.
    #[arg(long, value_name = "MODEL.KEY=VALUE", requires = "record")]
    pub(crate) set_model: Vec<String>,
    #[command(flatten)]
    pub(crate) allow: Allow,
    /// Reject folders of steps without `--component`: a build runs scripts of the step outside of the sandbox
    #[arg(long)]
    pub(crate) no_build: bool,
    /// Run only a part of the cases: `2/4` is the second of four parts
    ///
    /// Cases are dealt out one by one, in the order of the steps and names, after `--filter`. Steps without a case in the part are
    /// not built.
    #[arg(long, value_name = "PART/PARTS")]
    pub(crate) shard: Option<Shard>,
    #[command(flatten)]
    pub(crate) show: ShowOutput,
    /// Start no further case after the first one that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Run a case that fails again, at most this many times; one that passes then is reported as flaky
    #[arg(long, value_name = "N", default_value = "0", conflicts_with = "update", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) retries: u32,
    /// Fail if a component differs from this lock, which has an entry with the path of the folder or of `--component`
    #[arg(long, value_name = "LOCK", value_hint = ValueHint::FilePath)]
    pub(crate) locked: Option<PathBuf>,
    /// Test this component instead of building the folder
    #[arg(long, value_name = "FILE.wasm", value_hint = ValueHint::FilePath)]
    pub(crate) component: Option<PathBuf>,
    /// Write a JUnit report to this file
    #[arg(long, value_name = "FILE.xml", value_hint = ValueHint::FilePath)]
    pub(crate) junit: Option<PathBuf>,
    /// Format of messages
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
    /// Run the cases again after each change of a step's sources or cases, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
}

const TEST_HELP: &str = "\
A case is a folder in the step's folder `cases`:

    cases/two-rows/input.jsonl              the input rows (not for a source)
    cases/two-rows/parameters.toml          the parameters, if there are any
    cases/two-rows/expected.jsonl           the output rows
    cases/two-rows/expected-rejects.jsonl   the rejected rows: {\"row\": 2, \"message\": \"…\"}
    cases/two-rows/expected-failure.toml    instead of the two: kind = \"panic\", message = \"regex\", row = 2
    cases/two-rows/case.toml                limits = { memory = \"64MiB\" }, columns = { id = \"integer\" },
                                            checks = { single-rows = false }, and the grants under [allow]
    cases/two-rows/http/001.http            a request and its recorded response
    cases/two-rows/answers.jsonl            recorded answers of models

Every case that returns rows is run again (check `determinism`), in batches of one row
(`single-rows`) and in batches of random sizes (`random-batches`), and has to return the same rows.

Exit codes: 0 all passed, 1 a case failed, 2 a step cannot be tested, or wrong usage.";
