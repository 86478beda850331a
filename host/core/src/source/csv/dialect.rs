//! The characters of a CSV file with special meaning.

use super::super::chunk::{LineEnd, TextLayout};
use crate::format::CsvSettings;

/// The dialect of one CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// The character between fields.
    pub(super) delimiter: u8,
    /// The character around quoted fields.
    pub(super) quote: Option<u8>,
    /// The character that takes the special meaning from the next one.
    pub(super) escape: Option<u8>,
    /// The character at the start of lines that are skipped.
    pub(super) comment: Option<u8>,
    /// The ends of lines.
    pub(super) line_end: LineEnd,
    /// Whether an empty line is a row, as it is in a file with one column.
    pub(super) blank_rows: bool,
}

impl Dialect {
    /// Returns the dialect of a file with these settings and this layout.
    pub(super) fn new(settings: &CsvSettings, layout: &TextLayout) -> Self {
        Self {
            delimiter: layout.delimiter,
            quote: settings.quote,
            escape: settings.escape,
            comment: settings.comment,
            line_end: layout.line_end,
            blank_rows: false,
        }
    }

    /// Returns the index of the next character that ends a line, starts a quotation, or is the escape character.
    pub(super) fn find_special(&self, bytes: &[u8]) -> Option<usize> {
        match (self.quote, self.escape, self.line_end) {
            (Some(quote), None, LineEnd::Lf) => memchr::memchr2(quote, b'\n', bytes),
            (None, None, LineEnd::Lf) => memchr::memchr(b'\n', bytes),
            (Some(quote), None, LineEnd::Any) => memchr::memchr3(quote, b'\n', b'\r', bytes),
            (None, None, LineEnd::Any) => memchr::memchr2(b'\n', b'\r', bytes),
            (quote, escape, line_end) => bytes.iter().position(|byte| {
                *byte == b'\n'
                    || Some(*byte) == quote
                    || Some(*byte) == escape
                    || (*byte == b'\r' && line_end == LineEnd::Any)
            }),
        }
    }

    /// Returns the end of the first line if it is certainly a record, or blank: in a dialect without escapes and comments, a line
    /// without a quotation mark.
    pub(super) fn simple_line(&self, bytes: &[u8]) -> Option<usize> {
        let (Some(quote), None, None, LineEnd::Lf) = (self.quote, self.escape, self.comment, self.line_end) else {
            return None;
        };
        let found = memchr::memchr2(quote, b'\n', bytes)?;
        (bytes[found] == b'\n').then_some(found + 1)
    }

    /// Returns the index of the next quotation mark or escape character, inside a quotation.
    pub(super) fn find_quote(&self, quote: u8, bytes: &[u8]) -> Option<usize> {
        match self.escape {
            None => memchr::memchr(quote, bytes),
            Some(escape) => memchr::memchr2(quote, escape, bytes),
        }
    }

    /// Returns the length of the line end at the start of these bytes. At the end of the input, a CR alone is one.
    pub(super) fn line_end_len(&self, bytes: &[u8]) -> Option<usize> {
        match bytes {
            [b'\n', ..] | [b'\r'] => Some(1),
            [b'\r', b'\n', ..] => Some(2),
            [b'\r', ..] if self.line_end == LineEnd::Any => Some(1),
            _ => None,
        }
    }
}
