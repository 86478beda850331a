//! Positions in input files, for messages.

use std::fmt;
use std::sync::Arc;

use crate::text::escaped;

/// A position in an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputPosition {
    /// The file name, as the pattern spells it.
    pub(crate) file: Arc<str>,
    /// The position in the file.
    pub(crate) position: FilePosition,
}

/// A position in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FilePosition {
    /// The file as a whole.
    WholeFile,
    /// A line, from 1.
    Line(u64),
    /// A line and a byte in it, both from 1.
    Byte(u64, u64),
    /// A row, from 1.
    Row(u64),
}

impl InputPosition {
    /// Returns the number of the line or row.
    pub(crate) fn number(&self) -> Option<u64> {
        match self.position {
            FilePosition::WholeFile => None,
            FilePosition::Line(number) | FilePosition::Byte(number, _) | FilePosition::Row(number) => Some(number),
        }
    }
}

impl fmt::Display for InputPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = escaped(&self.file);
        match self.position {
            FilePosition::WholeFile => write!(f, "{file}"),
            FilePosition::Line(line) => write!(f, "{file}:{line}"),
            FilePosition::Byte(line, byte) => write!(f, "{file}:{line}:{byte}"),
            FilePosition::Row(row) => write!(f, "{file}, row {row}"),
        }
    }
}
