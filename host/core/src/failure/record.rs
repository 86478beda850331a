//! The failure record: the same in the terminal, in JSON, in the reject file and in the library.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cause_chain::CauseChain;
use crate::log_level::LogLevel;
use crate::stack::{Frame, Location};
use crate::text::mark_lines;

/// Version of the record format. A reader that knows version 1 can read every record of version 1; fields may be added
/// within a version.
pub(crate) const RECORD_VERSION: u32 = 1;

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The step returned an error, or rejected a row.
    GuestError,
    /// The step panicked and reported a message.
    Panic,
    /// The sandbox stopped the step: an invalid memory access, a division by zero, an `unreachable`, ….
    Trap,
    /// The step took longer than its time limit.
    Timeout,
    /// The step needed more memory than its limit.
    Memory,
    /// The step ran out of fuel.
    Fuel,
    /// The step ended its instance with `exit`.
    Exit,
    /// The step's output breaks the contract or a limit on outputs.
    BadOutput,
    /// The step needs something that was not granted.
    Denied,
    /// A model of the step answers no request, or its budget is used up.
    Model,
    /// The step does not accept its parameters.
    Parameters,
    /// The component is not a step, does not exist or cannot be built, or its input does not have the columns that it
    /// reads.
    Incompatible,
    /// The run was stopped by a signal, or because another batch failed.
    Interrupted,
    /// No step is at fault: the input cannot be read, an output cannot be written, more rows were rejected than
    /// `max-rejects` allows, the sandbox cannot be set up, or Stillbox has a bug.
    Host,
}

impl FailureKind {
    /// All kinds, in the documented order.
    pub const ALL: &[Self] = &[
        Self::GuestError,
        Self::Panic,
        Self::Trap,
        Self::Timeout,
        Self::Memory,
        Self::Fuel,
        Self::Exit,
        Self::BadOutput,
        Self::Denied,
        Self::Model,
        Self::Parameters,
        Self::Incompatible,
        Self::Interrupted,
        Self::Host,
    ];

    /// Returns the name in records and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::GuestError => "guest-error",
            Self::Panic => "panic",
            Self::Trap => "trap",
            Self::Timeout => "timeout",
            Self::Memory => "memory",
            Self::Fuel => "fuel",
            Self::Exit => "exit",
            Self::BadOutput => "bad-output",
            Self::Denied => "denied",
            Self::Model => "model",
            Self::Parameters => "parameters",
            Self::Incompatible => "incompatible",
            Self::Interrupted => "interrupted",
            Self::Host => "host",
        }
    }

    /// Returns whether a row may be the cause. Parameters, models and the host fail without one.
    pub(crate) fn concerns_rows(self) -> bool {
        !matches!(self, Self::Parameters | Self::Model | Self::Host | Self::Interrupted)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The record of one failure. Unknown fields are absent.
///
/// Texts of a step are bounded. In a record that ends a run: the message to 32 KiB, causes and trace to 16 KiB each,
/// the backtrace to 32 KiB, hint and file names to 4 KiB, log and standard error to `log-bytes` each. In the record of
/// a rejected row: a quarter of this, and 4 KiB of log and standard error. Omitted text is marked by an ellipsis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// Version of the record format, 1. Fields may be added within a version.
    pub version: u32,
    /// The run's id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<Arc<str>>,
    /// The step's name in the pipeline.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub step: Option<Arc<str>>,
    /// The component's digest: `sha256:` and 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub component: Option<Arc<str>>,
    /// The batch, counted from 0 in input order; after an aggregate, in the order of its output.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub batch: Option<u64>,
    /// The first row of the batch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_row: Option<RowPlace>,
    /// The row that failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub row: Option<RowPlace>,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The kind of the failure.
    pub kind: FailureKind,
    /// The sandbox's code for a trap, such as `unreachable code reached`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// The message; the guest's own if it has one.
    pub message: String,
    /// The causes, the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub causes: Vec<String>,
    /// The place in the step's source.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<Location>,
    /// The guest's stack, the innermost frame first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub backtrace: Vec<Frame>,
    /// The trace of the guest's language, as the step sent it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub trace: Vec<String>,
    /// The end of the guest's standard error.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub stderr: String,
    /// The end of the guest's standard output.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub stdout: String,
    /// The last messages of the guest's log.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub log: Vec<LogEntry>,
    /// The limit that ended the call.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<LimitHit>,
    /// Duration of the call, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub elapsed_ms: Option<f64>,
    /// Advice to the user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
    /// Time to wait before another attempt, in milliseconds; for guest errors that are marked as transient.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after_ms: Option<u64>,
    /// Whether the guest marked the error as transient, so that another attempt may succeed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub transient: bool,
    /// The causes as errors, for [`Error::source`](std::error::Error::source).
    #[serde(skip)]
    pub(crate) cause_chain: CauseChain,
}

/// A row, by its index and its place in the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RowPlace {
    /// The index in the batch as the step saw it, from 0.
    pub index: u64,
    /// The input file; for rows that come from a step, a description of them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<Arc<str>>,
    /// The line in that file, from 1; for text formats.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u64>,
    /// The row in that file, from 1; for the other formats.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub row: Option<u64>,
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line, self.row) {
            (Some(file), Some(line), _) => write!(f, "{file}:{line}"),
            (Some(file), None, Some(row)) => write!(f, "{file}, row {row}"),
            (Some(file), None, None) => f.write_str(file),
            _ => write!(f, "row {} of the batch", self.index),
        }
    }
}

/// One message that the guest logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogEntry {
    /// The level.
    pub level: LogLevel,
    /// The message, truncated if it was long.
    pub message: String,
}

/// A limit that ended a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LimitHit {
    /// The limit's name in the pipeline file: `memory`, `time`, ….
    pub name: String,
    /// Its value, with its unit.
    pub value: String,
}

impl Failure {
    /// Creates a failure of which only the kind and the message are known.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            version: RECORD_VERSION,
            run: None,
            step: None,
            component: None,
            batch: None,
            first_row: None,
            row: None,
            attempt: 1,
            kind,
            code: None,
            message: message.into(),
            causes: Vec::new(),
            location: None,
            backtrace: Vec::new(),
            trace: Vec::new(),
            stderr: String::new(),
            stdout: String::new(),
            log: Vec::new(),
            limit: None,
            elapsed_ms: None,
            hint: None,
            retry_after_ms: None,
            transient: false,
            cause_chain: CauseChain::default(),
        }
    }

    /// Adds a hint, unless the failure has one.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(step) = &self.step {
            write!(f, "step `{step}`: ")?;
        }
        // The message is the step's own.
        f.write_str(&mark_lines(&self.message))
    }
}

impl std::error::Error for Failure {
    /// Returns the first cause, whose source is the next one. They are built when this is first called, and do not change
    /// with [`causes`](Self::causes) after that.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause_chain.get(&self.causes)
    }
}
