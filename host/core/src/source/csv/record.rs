//! Splits CSV text into records and fields.

use std::borrow::Cow;

use super::super::chunk::LineEnd;
use super::super::error::SourceErrorKind;
use super::dialect::Dialect;

/// One field of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CsvField<'a> {
    /// The text without the quotation marks around it, as it is written.
    written: &'a str,
    kind: FieldKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldKind {
    /// The written text is the value.
    Plain,
    /// The field stands for null.
    Null,
    /// The text has escapes: this character takes the special meaning from the next one.
    Escaped { quote: Option<u8>, escape: u8 },
}

impl<'a> CsvField<'a> {
    fn plain(written: &'a str) -> Self {
        Self { written, kind: FieldKind::Plain }
    }

    /// Returns whether the field stands for null.
    pub(super) fn is_null(&self) -> bool {
        self.kind == FieldKind::Null
    }

    /// Returns the text, without quotation marks and escapes.
    pub(super) fn text(&self) -> Cow<'a, str> {
        match self.kind {
            FieldKind::Plain | FieldKind::Null => Cow::Borrowed(self.written),
            FieldKind::Escaped { quote, escape } => Cow::Owned(unescaped(self.written, quote, escape)),
        }
    }
}

/// Iterates over the records of a text that ends with a complete record.
#[derive(Debug)]
pub(super) struct CsvRecords<'a> {
    text: &'a str,
    dialect: Dialect,
    /// Fields without quotation marks that stand for null.
    nulls: &'a [String],
    /// Index of the next byte to read.
    at: usize,
    /// The line number of that byte.
    line: u64,
    /// Index of the first byte of the last record.
    start: usize,
    /// The line number of the last record.
    first_line: u64,
    /// Whether unquoted fields are values as they are written, up to a delimiter or LF.
    has_plain_fields: bool,
}

impl<'a> CsvRecords<'a> {
    /// Creates an iterator over `text`, which starts on this line.
    pub(super) fn new(text: &'a str, first_line: u64, dialect: Dialect, nulls: &'a [String]) -> Self {
        let has_plain_fields = dialect.escape.is_none() && dialect.line_end == LineEnd::Lf && nulls.is_empty();
        Self { text, dialect, nulls, at: 0, line: first_line, start: 0, first_line, has_plain_fields }
    }

    /// Returns the range of the last record in the text, with its line end.
    pub(super) fn range(&self) -> (usize, usize) {
        (self.start, self.at)
    }

    /// Continues after the first line of the last record, which was malformed.
    pub(super) fn skip_line(&mut self) {
        let rest = &self.text.as_bytes()[self.start..];
        self.at = self.start + self.dialect.line_end.find(rest).map_or(rest.len(), |(end, _)| end);
        self.line = self.first_line + 1;
    }

    /// Replaces `fields` with those of the next record, and returns its first line; `None` at the end. Comments are
    /// skipped, and blank lines unless they are rows.
    ///
    /// # Errors
    ///
    /// A quoted field has text after its closing quotation mark. The error comes with the record's first line.
    pub(super) fn next(&mut self, fields: &mut Vec<CsvField<'a>>) -> Result<Option<u64>, (u64, SourceErrorKind)> {
        let bytes = self.text.as_bytes();
        fields.clear();
        loop {
            let rest = &bytes[self.at..];
            if rest.is_empty() {
                return Ok(None);
            } else if self.dialect.comment.is_some() && rest.first().copied() == self.dialect.comment {
                self.at += self.dialect.line_end.find(rest).map_or(rest.len(), |(end, _)| end);
            } else if !self.dialect.blank_rows
                && let Some(end) = self.dialect.line_end_len(rest)
            {
                self.at += end;
            } else {
                break;
            }
            self.line += 1;
        }
        (self.start, self.first_line) = (self.at, self.line);
        loop {
            if self.has_plain_fields && bytes.get(self.at).copied() != self.dialect.quote {
                // The most common field, without any of the checks for others.
                if self.plain_field(fields) {
                    return Ok(Some(self.first_line));
                }
                continue;
            }
            let (field, end) = match (bytes.get(self.at).copied(), self.dialect.quote) {
                (Some(byte), Some(quote)) if byte == quote => {
                    self.quoted(quote).ok_or((self.first_line, SourceErrorKind::OpenQuote))?
                }
                _ => self.plain(),
            };
            fields.push(field);
            let rest = &bytes[end..];
            if rest.first() == Some(&self.dialect.delimiter) {
                self.at = end + 1;
            } else if rest.is_empty() {
                self.at = end;
                return Ok(Some(self.first_line));
            } else if let Some(length) = self.dialect.line_end_len(rest) {
                self.at = end + length;
                self.line += 1;
                return Ok(Some(self.first_line));
            } else {
                return Err((self.first_line, SourceErrorKind::AfterQuote { field: fields.len() }));
            }
        }
    }

    /// Adds an unquoted field that is a value as it is written. Returns whether the record ends after it.
    fn plain_field(&mut self, fields: &mut Vec<CsvField<'a>>) -> bool {
        let rest = &self.text[self.at..];
        let delimiter = self.dialect.delimiter;
        let end = match memchr::memchr2(delimiter, b'\n', rest.as_bytes()) {
            Some(end) if rest.as_bytes()[end] == delimiter => {
                fields.push(CsvField::plain(&rest[..end]));
                self.at += end + 1;
                return false;
            }
            Some(end) => end,
            None => rest.len(),
        };
        fields.push(CsvField::plain(without_cr(&rest[..end], None)));
        // A last line without its end is counted, too; nothing follows it.
        self.at += (end + 1).min(rest.len());
        self.line += 1;
        true
    }

    /// Returns an unquoted field and the index of its end.
    fn plain(&mut self) -> (CsvField<'a>, usize) {
        let rest = &self.text[self.at..];
        let delimiter = self.dialect.delimiter;
        let end = match (self.dialect.escape, self.dialect.line_end) {
            (None, LineEnd::Lf) => memchr::memchr2(delimiter, b'\n', rest.as_bytes()),
            (None, LineEnd::Any) => memchr::memchr3(delimiter, b'\n', b'\r', rest.as_bytes()),
            (Some(escape), line_end) => end_with_escapes(rest.as_bytes(), delimiter, escape, line_end),
        };
        let end = end.unwrap_or(rest.len());
        let field = match rest.as_bytes().get(end) {
            Some(byte) if *byte == delimiter => &rest[..end],
            _ if self.dialect.line_end == LineEnd::Any => &rest[..end],
            _ => without_cr(&rest[..end], self.dialect.escape),
        };
        let kind = match self.dialect.escape {
            _ if self.nulls.iter().any(|null| null == field) => FieldKind::Null,
            Some(escape) if memchr::memchr(escape, field.as_bytes()).is_some() => {
                self.line += self.dialect.line_end.count(field.as_bytes());
                FieldKind::Escaped { quote: None, escape }
            }
            _ => FieldKind::Plain,
        };
        (CsvField { written: field, kind }, self.at + field.len())
    }

    /// Returns a quoted field and the index of its end; `None` if it is not closed.
    fn quoted(&mut self, quote: u8) -> Option<(CsvField<'a>, usize)> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut at = start;
        let mut has_escapes = false;
        let end = loop {
            let found = at + self.dialect.find_quote(quote, bytes.get(at..)?)?;
            if bytes[found] == quote && bytes.get(found + 1) != Some(&quote) {
                break found;
            }
            has_escapes = true;
            at = found + 2;
        };
        let field = &self.text[start..end];
        self.line += self.dialect.line_end.count(field.as_bytes());
        let kind = if has_escapes {
            // Without an escape character, a quotation mark is the one before the other.
            FieldKind::Escaped { quote: Some(quote), escape: self.dialect.escape.unwrap_or(quote) }
        } else {
            FieldKind::Plain
        };
        Some((CsvField { written: field, kind }, end + 1))
    }
}

/// Parses one record.
///
/// # Errors
///
/// A quotation is malformed.
pub(super) fn parse_record(text: &str, dialect: Dialect) -> Result<Vec<Cow<'_, str>>, SourceErrorKind> {
    let mut fields = Vec::new();
    CsvRecords::new(text, 1, dialect, &[]).next(&mut fields).map_err(|(_, kind)| kind)?;
    Ok(fields.iter().map(CsvField::text).collect())
}

/// Returns the end of an unquoted field: the first delimiter or line end that is not escaped.
fn end_with_escapes(bytes: &[u8], delimiter: u8, escape: u8, line_end: LineEnd) -> Option<usize> {
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == escape {
            at += 2;
            continue;
        }
        if *byte == delimiter || *byte == b'\n' || (*byte == b'\r' && line_end == LineEnd::Any) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Removes the CR of a CRLF from the end of the last field of a line, unless it is escaped.
fn without_cr(field: &str, escape: Option<u8>) -> &str {
    let Some(text) = field.strip_suffix('\r') else { return field };
    let escapes = escape.map_or(0, |escape| text.bytes().rev().take_while(|byte| *byte == escape).count());
    if escapes.is_multiple_of(2) { text } else { field }
}

/// Removes the escape character, or a doubled quotation mark, before the character that it escapes.
fn unescaped(field: &str, quote: Option<u8>, escape: u8) -> String {
    let mut text = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(c) = characters.next() {
        let is_escape = c == char::from(escape) || quote.is_some_and(|quote| c == char::from(quote));
        // An escape character at the very end stands for itself.
        text.push(if is_escape { characters.next().unwrap_or(c) } else { c });
    }
    text
}
