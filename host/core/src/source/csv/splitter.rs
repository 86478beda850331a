//! Finds the ends of CSV records. A record is one line, or several if a quoted field has line breaks.

use std::sync::Arc;

use super::super::chunk::TextLayout;
use super::super::error::SourceErrorKind;
use super::super::text::RowEnd;
use super::dialect::Dialect;
use super::header::FirstHeader;
use super::record::CsvRecords;
use crate::format::CsvSettings;
use crate::policy::Then;

/// Finds the ends of records.
#[derive(Debug)]
pub(crate) struct CsvRowSplitter {
    pub(super) settings: Arc<CsvSettings>,
    pub(super) first: FirstHeader,
    pub(super) dialect: Dialect,
    /// Whether text after a closing quotation mark is looked for. Its row is then rejected alone, and not together with
    /// the lines up to the next quotation mark.
    is_strict: bool,
    /// Bytes of the record scanned so far.
    seen: usize,
    /// Whether the scan stopped inside a quotation.
    quoted: bool,
    /// The index in the record of the byte after the last escaped one, which does not start a field.
    escaped: Option<usize>,
}

/// The result of a scan for the end of a record.
enum Scan {
    End(usize),
    More,
    /// Text follows a closing quotation mark, at this index.
    AfterQuote(usize),
}

impl CsvRowSplitter {
    pub(crate) fn new(settings: Arc<CsvSettings>, first: FirstHeader, on_bad_row: Then) -> Self {
        let dialect = Dialect::new(&settings, &TextLayout::default());
        let is_strict = on_bad_row == Then::Reject;
        Self { settings, first, dialect, is_strict, seen: 0, quoted: false, escaped: None }
    }

    /// Looks for the end of the record that starts at `start`.
    fn scan(&mut self, bytes: &[u8], start: usize, last: bool) -> Scan {
        let mut at = start + self.seen;
        let result = loop {
            let step =
                if self.quoted { self.quoted(bytes, &mut at, last) } else { self.plain(bytes, start, &mut at, last) };
            if let Some(result) = step {
                break result;
            }
        };
        self.seen = at - start;
        result
    }

    /// Scans inside a quotation, up to its end.
    fn quoted(&mut self, bytes: &[u8], at: &mut usize, last: bool) -> Option<Scan> {
        let quote = self.dialect.quote?;
        let Some(found) = self.dialect.find_quote(quote, &bytes[*at..]).map(|found| *at + found) else {
            *at = bytes.len();
            return Some(Scan::More);
        };
        match bytes.get(found + 1) {
            // The next byte decides whether the quotation ends here.
            None if !last => {
                *at = found;
                return Some(Scan::More);
            }
            Some(_) if bytes[found] != quote => *at = found + 2,
            None if bytes[found] != quote => {
                *at = bytes.len();
                return Some(Scan::More);
            }
            Some(next) if *next == quote => *at = found + 2,
            _ => {
                let rest = &bytes[found + 1..];
                let may_be_crlf = rest == b"\r" && !last;
                if may_be_crlf {
                    *at = found;
                    return Some(Scan::More);
                }
                let is_closed =
                    rest.is_empty() || rest[0] == self.dialect.delimiter || self.dialect.line_end_len(rest).is_some();
                if self.is_strict && !is_closed {
                    return Some(Scan::AfterQuote(found + 1));
                }
                *at = found + 1;
                self.quoted = false;
            }
        }
        None
    }

    /// Scans outside quotations, up to the end of the line or the start of a quotation.
    fn plain(&mut self, bytes: &[u8], start: usize, at: &mut usize, last: bool) -> Option<Scan> {
        let Some(found) = self.dialect.find_special(&bytes[*at..]).map(|found| *at + found) else {
            *at = bytes.len();
            return Some(Scan::More);
        };
        let next = bytes.get(found + 1);
        if self.dialect.escape == Some(bytes[found]) {
            if next.is_none() {
                *at = if last { bytes.len() } else { found };
                return Some(Scan::More);
            }
            *at = found + 2;
            self.escaped = Some(*at - start);
            return None;
        }
        *at = found + 1;
        match (bytes[found], next) {
            (b'\r', Some(b'\n')) => return Some(Scan::End(found + 2)),
            (b'\r', None) if !last => {
                *at = found;
                return Some(Scan::More);
            }
            (b'\n' | b'\r', _) => return Some(Scan::End(found + 1)),
            // A quotation mark in the middle of an unquoted field is ordinary text.
            _ => {
                let is_field_start = found == start
                    || (bytes[found - 1] == self.dialect.delimiter && self.escaped != Some(found - start));
                self.quoted = is_field_start;
            }
        }
        None
    }

    /// Finds the end of the first line of a record that has no end.
    fn bad(&mut self, bytes: &[u8], (start, searched): (usize, usize), last: bool, kind: SourceErrorKind) -> RowEnd {
        self.restart();
        match self.dialect.line_end.find(&bytes[start..]) {
            Some((end, may_be_longer)) if last || !may_be_longer => {
                RowEnd::Bad { end: start + end, searched: searched.max(start + end), kind: Box::new(kind) }
            }
            _ if last => RowEnd::Bad { end: bytes.len(), searched: bytes.len(), kind: Box::new(kind) },
            _ => RowEnd::NeedMore,
        }
    }

    /// Returns the error for text after a closing quotation mark.
    fn after_quote(&self, record: &[u8]) -> SourceErrorKind {
        let text = String::from_utf8_lossy(record);
        let mut records = CsvRecords::new(&text, 1, self.dialect, &[]);
        match records.next(&mut Vec::new()) {
            Err((_, kind)) => kind,
            Ok(_) => SourceErrorKind::AfterQuote { field: 1 },
        }
    }

    /// Returns the end of a line that is skipped, or of a blank line that is a row.
    fn next_line(&mut self, bytes: &[u8], start: usize, last: bool, row: bool) -> RowEnd {
        match self.dialect.line_end.find(&bytes[start..]) {
            Some((end, may_be_longer)) if last || !may_be_longer => RowEnd::At { end: start + end, lines: 1, row },
            _ if last => RowEnd::At { end: bytes.len(), lines: 0, row },
            _ => RowEnd::NeedMore,
        }
    }

    /// Forgets the current record.
    pub(super) fn restart(&mut self) {
        (self.seen, self.quoted, self.escaped) = (0, false, None);
    }

    /// Looks for the end of the record or line that starts at `start`.
    pub(super) fn next(&mut self, bytes: &[u8], start: usize, last: bool) -> RowEnd {
        if self.seen == 0
            && let Some(end) = self.dialect.simple_line(&bytes[start..])
        {
            let is_blank = matches!(&bytes[start..start + end], b"\n" | b"\r\n");
            return RowEnd::At { end: start + end, lines: 1, row: !is_blank || self.dialect.blank_rows };
        }
        if self.dialect.comment.is_some() && bytes.get(start).copied() == self.dialect.comment {
            return self.next_line(bytes, start, last, false);
        }
        let end = match self.scan(bytes, start, last) {
            Scan::End(end) => end,
            Scan::More if last && self.quoted => {
                return self.bad(bytes, (start, bytes.len()), last, SourceErrorKind::OpenQuote);
            }
            Scan::More if last && start < bytes.len() => bytes.len(),
            Scan::More => return RowEnd::NeedMore,
            Scan::AfterQuote(at) => {
                let kind = self.after_quote(&bytes[start..=at]);
                return self.bad(bytes, (start, at), last, kind);
            }
        };
        self.restart();
        let record = &bytes[start..end];
        let is_blank = matches!(record, b"\n" | b"\r\n" | b"\r");
        RowEnd::At { end, lines: self.dialect.line_end.count(record), row: !is_blank || self.dialect.blank_rows }
    }
}
