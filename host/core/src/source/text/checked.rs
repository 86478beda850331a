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
    /// The bytes of the chunk.
    bytes: &'a [u8],
    /// Number of bytes before them on their first line.
    bytes_before: u64,
    /// If bad rows are rejected: the first replaced byte of each line, or of each part of it that may be a row. The indices in the
    /// text and in the bytes, which are below 256 MiB.
    invalid: Vec<(u32, u32)>,
}

impl<'a> CheckedText<'a> {
    /// Checks the bytes of a chunk, which start on this line after this number of bytes.
    pub(crate) fn new(
        file: &Arc<str>,
        bytes: &'a [u8],
        (first_line, bytes_before): (u64, u64),
        layout: &TextLayout,
        on_bad_row: Then,
    ) -> Self {
        let borrowed =
            |text, error| Self { text: Cow::Borrowed(text), error, bytes, bytes_before, invalid: Vec::new() };
        let valid = |text| borrowed(text, None);
        if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
            return valid(text);
        }
        let valid_up_to = match std::str::from_utf8(bytes) {
            Ok(text) => return valid(text),
            Err(error) => error.valid_up_to(),
        };
        if on_bad_row == Then::Reject {
            return Self::replaced(bytes, bytes_before, layout);
        }
        let line_start = layout.line_end.last_line(&bytes[..valid_up_to]);
        let line = first_line + layout.line_end.count(&bytes[..line_start]);
        let before = if line_start == 0 { bytes_before } else { 0 };
        let byte = before + (valid_up_to - line_start) as u64 + 1;
        let error = SourceError::at(file, FilePosition::Byte(line, byte), not_text(layout, byte));
        let text = std::str::from_utf8(&bytes[..line_start]).unwrap_or_default();
        borrowed(text, Some(error))
    }

    fn replaced(bytes: &'a [u8], bytes_before: u64, layout: &TextLayout) -> Self {
        let mut text = String::with_capacity(bytes.len() + 16);
        let mut invalid = Vec::new();
        let mut is_row_valid = true;
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            let valid = chunk.valid().as_bytes();
            // Several values of JSON may be on one line. A bracket or comma is between them.
            let may_separate_values = || layout.has_values && memchr::memchr3(b'}', b']', b',', valid).is_some();
            is_row_valid |= layout.line_end.find(valid).is_some() || may_separate_values();
            text.push_str(chunk.valid());
            at += valid.len();
            if !chunk.invalid().is_empty() {
                if is_row_valid {
                    invalid.push((text.len() as u32, at as u32));
                }
                is_row_valid = false;
                text.push(char::REPLACEMENT_CHARACTER);
                at += chunk.invalid().len();
            }
        }
        Self { text: Cow::Owned(text), error: None, bytes, bytes_before, invalid }
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
        let next = self.invalid.partition_point(|(at, _)| (*at as usize) < start);
        let (at, byte) = *self.invalid.get(next).filter(|(at, _)| (*at as usize) < end)?;
        let line = line + layout.line_end.count(&self.text.as_bytes()[start..at as usize]);
        let line_start = layout.line_end.last_line(&self.bytes[..byte as usize]);
        let before = if line_start == 0 { self.bytes_before } else { 0 };
        let byte = before + (byte as usize - line_start) as u64 + 1;
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
