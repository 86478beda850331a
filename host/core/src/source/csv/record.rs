//! Splits CSV text into records and fields (RFC 4180).

use std::borrow::Cow;

use super::super::error::SourceErrorKind;
use super::super::text::{RowEnd, RowSplitter};

/// Finds the ends of records. A record is one line, or several if a quoted field has line breaks.
#[derive(Debug, Default)]
pub(crate) struct CsvRowSplitter {
    /// Bytes of the record scanned so far.
    seen: usize,
    /// Whether the scan stopped inside a quotation.
    quoted: bool,
}

impl CsvRowSplitter {
    /// Returns the end of the record that starts at `start`, if it is in the bytes.
    fn end(&mut self, bytes: &[u8], start: usize, last: bool) -> Option<usize> {
        let mut at = start + self.seen;
        let end = loop {
            if self.quoted {
                let Some(quote) = memchr::memchr(b'"', &bytes[at..]).map(|quote| at + quote) else {
                    at = bytes.len();
                    break None;
                };
                match bytes.get(quote + 1) {
                    Some(b'"') => at = quote + 2,
                    None if !last => {
                        // The next byte decides whether the quotation ends here.
                        at = quote;
                        break None;
                    }
                    _ => {
                        at = quote + 1;
                        self.quoted = false;
                    }
                }
                continue;
            }
            let Some(found) = memchr::memchr2(b'"', b'\n', &bytes[at..]).map(|found| at + found) else {
                at = bytes.len();
                break None;
            };
            at = found + 1;
            if bytes[found] == b'\n' {
                break Some(at);
            }
            // A quotation mark in the middle of an unquoted field is ordinary text.
            self.quoted = found == start || bytes[found - 1] == b',';
        };
        self.seen = at - start;
        end
    }
}

impl RowSplitter for CsvRowSplitter {
    fn restart(&mut self) {
        *self = Self::default();
    }

    fn next(&mut self, bytes: &[u8], start: usize, last: bool) -> RowEnd {
        let end = match self.end(bytes, start, last) {
            Some(end) => end,
            None if last && self.quoted => return RowEnd::OpenQuote,
            None if last && start < bytes.len() => bytes.len(),
            None => return RowEnd::NeedMore,
        };
        self.restart();
        let record = &bytes[start..end];
        let lines = memchr::memchr_iter(b'\n', record).count() as u64;
        RowEnd::At { end, lines, row: !matches!(record, b"\n" | b"\r\n" | b"\r") }
    }
}

/// Iterates over the records of a text that ends with a complete record.
#[derive(Debug)]
pub(crate) struct CsvRecords<'a> {
    text: &'a str,
    /// Index of the next byte to read.
    at: usize,
    /// The line number of that byte.
    line: u64,
}

impl<'a> CsvRecords<'a> {
    /// Creates an iterator over `text`, which starts on this line.
    pub(crate) fn new(text: &'a str, first_line: u64) -> Self {
        Self { text, at: 0, line: first_line }
    }

    /// Replaces `fields` with those of the next record, and returns its first line; `None` at the end. Blank lines are
    /// skipped.
    ///
    /// # Errors
    ///
    /// A quoted field has text after its closing quotation mark. The error comes with the record's first line.
    pub(crate) fn next(&mut self, fields: &mut Vec<Cow<'a, str>>) -> Result<Option<u64>, (u64, SourceErrorKind)> {
        let bytes = self.text.as_bytes();
        fields.clear();
        loop {
            match &bytes[self.at..] {
                [] => return Ok(None),
                [b'\n', ..] | [b'\r'] => self.at += 1,
                [b'\r', b'\n', ..] => self.at += 2,
                _ => break,
            }
            self.line += 1;
        }
        let first_line = self.line;
        loop {
            let (field, end) = match bytes.get(self.at) {
                Some(b'"') => self.quoted().ok_or((first_line, SourceErrorKind::OpenQuote))?,
                _ => self.plain(),
            };
            fields.push(field);
            match &bytes[end..] {
                [b',', ..] => self.at = end + 1,
                [] | [b'\r'] => {
                    self.at = bytes.len();
                    return Ok(Some(first_line));
                }
                [b'\n', ..] | [b'\r', b'\n', ..] => {
                    self.at = end + if bytes[end] == b'\n' { 1 } else { 2 };
                    self.line += 1;
                    return Ok(Some(first_line));
                }
                _ => return Err((first_line, SourceErrorKind::AfterQuote { field: fields.len() })),
            }
        }
    }

    /// Returns an unquoted field and the index of its end.
    fn plain(&self) -> (Cow<'a, str>, usize) {
        let rest = &self.text[self.at..];
        let end = memchr::memchr2(b',', b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let field = match rest.as_bytes().get(end) {
            Some(b',') => &rest[..end],
            _ => rest[..end].strip_suffix('\r').unwrap_or(&rest[..end]),
        };
        (Cow::Borrowed(field), self.at + field.len())
    }

    /// Returns a quoted field and the index of its end; `None` if it is not closed.
    fn quoted(&mut self) -> Option<(Cow<'a, str>, usize)> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut at = start;
        let mut doubled = false;
        let end = loop {
            let quote = at + memchr::memchr(b'"', &bytes[at..])?;
            if bytes.get(quote + 1) != Some(&b'"') {
                break quote;
            }
            doubled = true;
            at = quote + 2;
        };
        let field = &self.text[start..end];
        self.line += memchr::memchr_iter(b'\n', field.as_bytes()).count() as u64;
        let field = if doubled { Cow::Owned(field.replace("\"\"", "\"")) } else { Cow::Borrowed(field) };
        Some((field, end + 1))
    }
}
