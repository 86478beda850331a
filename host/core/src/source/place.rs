//! Places in inputs.

use std::fmt;
use std::sync::Arc;

use super::shown::escaped;

/// A place in an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file's name, as the pattern spells it.
    pub(crate) file: Arc<str>,
    /// Where in the file.
    pub(crate) spot: Spot,
}

/// A spot in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// The file as a whole.
    Whole,
    /// A line, from 1.
    Line(u64),
    /// A line and a byte in it, both from 1.
    Byte(u64, u64),
    /// A row, from 1.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = escaped(&self.file);
        match self.spot {
            Spot::Whole => write!(f, "{file}"),
            Spot::Line(line) => write!(f, "{file}:{line}"),
            Spot::Byte(line, byte) => write!(f, "{file}:{line}:{byte}"),
            Spot::Row(row) => write!(f, "{file}, row {row}"),
        }
    }
}
