//! Errors of one row, with their place in it.

use std::sync::Arc;

use super::super::chunk::TextLayout;
use super::super::error::{SourceError, SourceErrorKind};
use super::super::place::FilePosition;
use super::values::JsonRow;
use crate::text::shown;

/// The reason that a row cannot be read, and where in it.
#[derive(Debug)]
pub(super) struct RowError {
    pub(super) kind: SourceErrorKind,
    /// The index of the byte in the row, if known.
    pub(super) at: Option<usize>,
}

impl From<SourceErrorKind> for RowError {
    fn from(kind: SourceErrorKind) -> Self {
        Self { kind, at: None }
    }
}

impl RowError {
    /// Returns the error with its position in the file.
    pub(super) fn at(self, file: &Arc<str>, row: &JsonRow<'_>, layout: &TextLayout) -> SourceError {
        let position = match self.at {
            None if !layout.has_values => FilePosition::Line(row.line),
            at => {
                let before = &row.text.as_bytes()[..at.unwrap_or(0)];
                match memchr::memrchr(b'\n', before) {
                    None => FilePosition::Byte(row.line, row.bytes_before + before.len() as u64 + 1),
                    Some(newline) => {
                        let line = row.line + memchr::memchr_iter(b'\n', before).count() as u64;
                        FilePosition::Byte(line, (before.len() - newline) as u64)
                    }
                }
            }
        };
        SourceError::at(file, position, self.kind)
    }
}

/// Returns the message of the JSON parser, without the position.
pub(crate) fn diagnostic(error: &serde_json::Error) -> String {
    let mut reason = error.to_string();
    if let Some(end) = reason.rfind(" at line ") {
        reason.truncate(end);
    }
    shown(&reason)
}
