//! The levels of log messages of guests.

use serde::{Deserialize, Serialize};

/// The level of a log message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogLevel {
    /// Fine-grained details.
    Trace,
    /// Information for debugging.
    Debug,
    /// General information.
    Info,
    /// Something unexpected; the step continues.
    Warn,
    /// Something failed.
    Error,
}

impl LogLevel {
    /// Returns the name in records and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}
