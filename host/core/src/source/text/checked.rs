//! The text of a chunk, checked for its encoding.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::chunk::TextLayout;
use super::super::error::{SourceError, SourceErrorKind};
use super::super::place::FilePosition;
use crate::policy::Then;

/// The text of a chunk that can be split into rows.
pub(crate) struct CheckedText<'a> {
    /// The text: all of it, or the lines before the first one that is not text. If bad rows are rejected, all of it, with
    /// U+FFFD for bytes that are not text.
    pub(crate) text: Cow<'a, str>,
    /// The error for the first line that is not text, unless bad rows are rejected.
    pub(crate) error: Option<SourceError>,
    /// If bad rows are rejected: the indices in the text of the first replaced byte of each line.
    invalid: Vec<usize>,
}

impl<'a> CheckedText<'a> {
    /// Checks the bytes of a chunk.
    pub(crate) fn new(
        file: &Arc<str>,
        bytes: &'a [u8],
        (first_line, layout): (u64, &TextLayout),
        on_bad_row: Then,
    ) -> Self {
        let valid = |text| Self { text: Cow::Borrowed(text), error: None, invalid: Vec::new() };
        if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
            return valid(text);
        }
        let valid_up_to = match std::str::from_utf8(bytes) {
            Ok(text) => return valid(text),
            Err(error) => error.valid_up_to(),
        };
        if on_bad_row == Then::Reject {
            return Self::replaced(bytes, layout);
        }
        let line_start = layout.line_end.last_line(&bytes[..valid_up_to]);
        let line = first_line + layout.line_end.count(&bytes[..line_start]);
        let byte = (valid_up_to - line_start) as u64 + 1;
        let error = SourceError::at(file, FilePosition::Byte(line, byte), not_text(layout, byte));
        let text = std::str::from_utf8(&bytes[..line_start]).unwrap_or_default();
        Self { text: Cow::Borrowed(text), error: Some(error), invalid: Vec::new() }
    }

    fn replaced(bytes: &[u8], layout: &TextLayout) -> Self {
        let mut text = String::with_capacity(bytes.len() + 16);
        let mut invalid: Vec<usize> = Vec::new();
        let mut is_line_valid = true;
        for chunk in bytes.utf8_chunks() {
            is_line_valid |= layout.line_end.find(chunk.valid().as_bytes()).is_some();
            text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                if is_line_valid {
                    invalid.push(text.len());
                }
                is_line_valid = false;
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        Self { text: Cow::Owned(text), error: None, invalid }
    }

    /// Returns whether all of the text is valid, so that no row has to be checked.
    pub(crate) fn is_valid(&self) -> bool {
        self.invalid.is_empty()
    }

    /// Returns the error for a row at this range of the text if it has a byte that is not text. `line` is the line of the
    /// start of the row.
    pub(crate) fn check_row(
        &self,
        file: &Arc<str>,
        (start, end, line): (usize, usize, u64),
        layout: &TextLayout,
    ) -> Option<SourceError> {
        if self.invalid.is_empty() {
            return None;
        }
        let next = self.invalid.partition_point(|at| *at < start);
        let at = *self.invalid.get(next).filter(|at| **at < end)?;
        let before = &self.text.as_bytes()[..at];
        let line = line + layout.line_end.count(&before[start..]);
        let byte = (at - layout.line_end.last_line(before)) as u64 + 1;
        Some(SourceError::at(file, FilePosition::Byte(line, byte), not_text(layout, byte)))
    }
}

fn not_text(layout: &TextLayout, byte: u64) -> SourceErrorKind {
    if layout.encoding.is_utf8() {
        SourceErrorKind::NotUtf8 { byte }
    } else {
        SourceErrorKind::NotEncoded { encoding: layout.encoding }
    }
}
