//! File formats and compressions, by name and by file name ending, and the settings of text formats.

mod compression;
mod csv;
mod encoding;
mod json;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

pub(crate) use compression::{Compression, MAGIC_BYTES};
pub(crate) use csv::CsvSettings;
pub(crate) use encoding::TextEncoding;
pub(crate) use json::{JsonLayout, JsonSettings, NanTokens, UnknownKeys};

/// A format that sources read and sinks write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    /// JSON Lines: one object per line.
    JsonLines,
    /// JSON: one array of objects, or objects one after the other. Only sources read it.
    Json,
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC. Sources read the file format and the stream format. Sinks write the file format to files and the
    /// stream format to standard output.
    Arrow,
}

impl Format {
    /// The formats that sources read.
    pub(crate) const READ: [Self; 5] = [Self::JsonLines, Self::Json, Self::Csv, Self::Parquet, Self::Arrow];
    /// The formats that sinks write.
    pub(crate) const WRITTEN: [Self; 4] = [Self::JsonLines, Self::Csv, Self::Parquet, Self::Arrow];

    /// The name in pipeline files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// Returns the format that a sink writes to a file of this name: by its ending, before that of a compression.
    pub(crate) fn from_path(path: &Path) -> Option<Self> {
        let stem = match Compression::from_output_path(path) {
            Compression::None => path.to_path_buf(),
            _ => path.with_extension(""),
        };
        Self::from_ending(&ending(&stem)?)
    }

    /// Returns the format that a source reads from a file of this name: by its ending, before that of a compression.
    pub(crate) fn from_input_path(path: &Path) -> Option<Self> {
        let ending = ending(&Compression::strip_ending(path))?;
        match ending.as_str() {
            "json" => Some(Self::Json),
            _ if TAB_ENDINGS.contains(&ending.as_str()) => Some(Self::Csv),
            _ => Self::from_ending(&ending),
        }
    }

    fn from_ending(ending: &str) -> Option<Self> {
        Some(match ending {
            "jsonl" | "ndjson" | "jsonlines" => Self::JsonLines,
            "csv" => Self::Csv,
            "parquet" | "pq" => Self::Parquet,
            "arrow" | "arrows" | "feather" | "ipc" => Self::Arrow,
            _ => return None,
        })
    }

    /// Returns whether rows are lines or records of text, and not rows of a binary format.
    pub(crate) fn is_text(self) -> bool {
        match self {
            Self::JsonLines | Self::Json | Self::Csv => true,
            Self::Parquet | Self::Arrow => false,
        }
    }
}

/// The endings of files whose fields are separated by tabs.
const TAB_ENDINGS: [&str; 2] = ["tsv", "tab"];

/// Returns whether the file name says that fields are separated by tabs.
pub(crate) fn is_tab_separated(path: &Path) -> bool {
    ending(&Compression::strip_ending(path)).is_some_and(|ending| TAB_ENDINGS.contains(&ending.as_str()))
}

/// Returns the ending of a file name in lower case.
fn ending(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::READ.into_iter().find(|format| format.name() == name).ok_or(())
    }
}

/// The form of numbers that are not finite, in text formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum NonFinite {
    /// None in JSON, where they are an error. In CSV `NaN`, `inf` and `-inf`.
    #[default]
    Error,
    /// Null.
    Null,
    /// The strings `"NaN"`, `"inf"` and `"-inf"`, for rejected rows, and for steps that ask for the types of their columns.
    Text,
}
