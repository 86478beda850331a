//! Finds JSON values in an array, or one after the other, on any number of lines.

use super::super::error::SourceErrorKind;
use super::super::text::RowEnd;
use crate::format::JsonLayout;

/// Returns whether a byte is white space between JSON tokens.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Returns whether a line has only white space.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.iter().copied().all(is_space)
}

/// The scan of one value for its end. It looks at quotation marks and brackets only; the decoder checks the rest.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct ValueScan {
    kind: ValueKind,
    depth: u64,
    is_in_text: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum ValueKind {
    /// The scan has not started.
    #[default]
    Unknown,
    /// An object or a list.
    Nested,
    /// A text.
    Text,
    /// A number, a word or something else, up to the next separator.
    Scalar,
}

impl ValueScan {
    /// Continues at `at`, and returns the index after the value, if it is in the bytes. Otherwise `at` is where to
    /// continue with more bytes.
    pub(super) fn run(&mut self, bytes: &[u8], at: &mut usize, last: bool) -> Option<usize> {
        if self.kind == ValueKind::Unknown {
            self.kind = match bytes.get(*at)? {
                b'{' | b'[' => ValueKind::Nested,
                b'"' => ValueKind::Text,
                _ => ValueKind::Scalar,
            };
        }
        if self.kind == ValueKind::Scalar {
            let is_end = |byte: &u8| is_space(*byte) || matches!(byte, b',' | b']' | b'}' | b'{' | b'[' | b'"');
            // A closing bracket alone is a value as well, so that it is taken and reported. The depth says whether the
            // first byte is behind.
            let from = if self.depth == 0 { *at + 1 } else { *at };
            let end = bytes[from..].iter().position(is_end).map(|length| from + length);
            if end.is_none() && !last {
                (self.depth, *at) = (1, bytes.len());
            }
            return end.or_else(|| last.then_some(bytes.len()));
        }
        while let Some(&byte) = bytes.get(*at) {
            if self.is_in_text {
                let found = memchr::memchr2(b'"', b'\\', &bytes[*at..]);
                let Some(found) = found.map(|found| *at + found) else {
                    *at = bytes.len();
                    return None;
                };
                if bytes[found] == b'\\' {
                    if found + 1 == bytes.len() {
                        *at = found;
                        return None;
                    }
                    *at = found + 2;
                    continue;
                }
                self.is_in_text = false;
                *at = found + 1;
            } else {
                *at += 1;
                match byte {
                    b'"' => self.is_in_text = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => continue,
                }
            }
            if self.depth == 0 && !self.is_in_text {
                return Some(*at);
            }
        }
        None
    }
}

/// Finds the ends of values. The separator after a value belongs to its row.
#[derive(Debug)]
pub(super) struct ValueSplitter {
    layout: JsonLayout,
    /// The next part of the file, after the rows that are taken.
    expected: ExpectedToken,
    /// The part after the row that was found and is not taken.
    after: ExpectedToken,
    /// The scan of the current row.
    scan: ValueScan,
    phase: Phase,
    /// Bytes of the row scanned so far.
    seen: usize,
}

/// The next part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExpectedToken {
    /// The opening bracket of the array.
    Open,
    /// The first element, or the closing bracket.
    First,
    /// An element, after a comma; or an object.
    Value,
    /// Only white space, after the array.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Before,
    Value,
    After,
}

impl ValueSplitter {
    /// Creates a splitter for the start of a file.
    pub(super) fn new(layout: JsonLayout) -> Self {
        let expected = if layout == JsonLayout::Array { ExpectedToken::Open } else { ExpectedToken::Value };
        Self { layout, expected, after: expected, scan: ValueScan::default(), phase: Phase::Before, seen: 0 }
    }

    pub(super) fn restart(&mut self) {
        (self.scan, self.phase, self.seen) = (ValueScan::default(), Phase::Before, 0);
    }

    pub(super) fn accept(&mut self) {
        self.expected = self.after;
    }

    pub(super) fn next(&mut self, bytes: &[u8], start: usize, last: bool) -> RowEnd {
        let mut at = start + self.seen;
        loop {
            let step = match self.phase {
                Phase::Before => self.before(bytes, &mut at),
                Phase::Value => match self.scan.run(bytes, &mut at, last) {
                    Some(end) => {
                        at = end;
                        self.phase = Phase::After;
                        None
                    }
                    None => Some(ScanStep::More),
                },
                Phase::After => Some(self.after(bytes, &mut at)),
            };
            let (end, row) = match step {
                None => continue,
                Some(ScanStep::End { row }) => (at, row),
                Some(ScanStep::Malformed(kind)) => return RowEnd::Malformed { at, kind: Box::new(kind) },
                Some(ScanStep::More) => {
                    self.seen = at - start;
                    if !last {
                        return RowEnd::NeedMore;
                    }
                    match self.at_end(at) {
                        Some(malformed) => return malformed,
                        // White space at the end of the file.
                        None if start < bytes.len() => (bytes.len(), false),
                        None => return RowEnd::NeedMore,
                    }
                }
            };
            self.restart();
            let lines = memchr::memchr_iter(b'\n', &bytes[start..end]).count() as u64;
            return RowEnd::At { end, lines, row };
        }
    }

    /// Looks for the start of a value, or for a bracket of the array.
    fn before(&mut self, bytes: &[u8], at: &mut usize) -> Option<ScanStep> {
        let Some(byte) = skip_space(bytes, at) else { return Some(ScanStep::More) };
        self.after = self.expected;
        let next = match (self.expected, byte) {
            (ExpectedToken::Open, b'[') => ExpectedToken::First,
            (ExpectedToken::First, b']') => ExpectedToken::Nothing,
            (ExpectedToken::Open, _) => return Some(ScanStep::Malformed(SourceErrorKind::NotAnArray)),
            (ExpectedToken::Nothing, _) => return Some(ScanStep::Malformed(SourceErrorKind::AfterArray)),
            (_, b',') => return Some(ScanStep::Malformed(SourceErrorKind::ExtraComma)),
            (ExpectedToken::Value, b']') if self.layout == JsonLayout::Array => {
                return Some(ScanStep::Malformed(SourceErrorKind::ExtraComma));
            }
            _ => {
                self.phase = Phase::Value;
                return None;
            }
        };
        *at += 1;
        self.after = next;
        Some(ScanStep::End { row: false })
    }

    /// Looks for the separator after a value.
    fn after(&mut self, bytes: &[u8], at: &mut usize) -> ScanStep {
        if self.layout != JsonLayout::Array {
            return ScanStep::End { row: true };
        }
        self.after = match skip_space(bytes, at) {
            None => return ScanStep::More,
            Some(b',') => ExpectedToken::Value,
            Some(b']') => ExpectedToken::Nothing,
            Some(_) => return ScanStep::Malformed(SourceErrorKind::NoComma),
        };
        *at += 1;
        ScanStep::End { row: true }
    }

    /// Returns the error for a file that ends here, if it is not complete.
    fn at_end(&self, at: usize) -> Option<RowEnd> {
        let is_complete = match (self.layout, self.phase) {
            (_, Phase::Value) | (JsonLayout::Array, Phase::After) => false,
            (JsonLayout::Array, Phase::Before) => matches!(self.expected, ExpectedToken::Open | ExpectedToken::Nothing),
            (JsonLayout::Lines | JsonLayout::Objects, _) => true,
        };
        let what = if self.phase == Phase::Value { "a value" } else { "the array" };
        (!is_complete).then_some(RowEnd::Malformed { at, kind: Box::new(SourceErrorKind::EndsEarly { what }) })
    }
}

enum ScanStep {
    More,
    End { row: bool },
    Malformed(SourceErrorKind),
}

/// Skips white space, and returns the next byte.
fn skip_space(bytes: &[u8], at: &mut usize) -> Option<u8> {
    while let Some(byte) = bytes.get(*at) {
        if !is_space(*byte) {
            return Some(*byte);
        }
        *at += 1;
    }
    None
}

/// One row of JSON text.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonRow<'a> {
    /// The text of the value.
    pub(super) text: &'a str,
    /// Its index in the text of the chunk.
    pub(super) start: usize,
    /// The line on which it starts.
    pub(super) line: u64,
    /// The number of bytes before it on that line.
    pub(super) bytes_before: u64,
}

/// Returns the lines of a text like `str::split_terminator`, but with vector instructions.
pub(super) fn lines(text: &str, first_line: u64) -> impl Iterator<Item = JsonRow<'_>> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain((!text.ends_with('\n')).then_some(text.len()));
    (first_line..).zip(ends).map(move |(line, end)| {
        let start = std::mem::replace(&mut start, end + 1);
        JsonRow { text: &text[start..end], start, line, bytes_before: 0 }
    })
}

/// Returns the values of a text in which the splitter has found them.
pub(super) fn values(text: &str, (first_line, first_byte): (u64, u64)) -> impl Iterator<Item = JsonRow<'_>> {
    let bytes = text.as_bytes();
    let (mut at, mut line, mut line_start) = (0, first_line, None);
    std::iter::from_fn(move || {
        let before = at;
        skip_space(bytes, &mut at)?;
        let count = |range: &[u8]| memchr::memchr_iter(b'\n', range).count() as u64;
        line += count(&bytes[before..at]);
        line_start = memchr::memrchr(b'\n', &bytes[before..at]).map(|end| before + end + 1).or(line_start);
        let start = at;
        let end = ValueScan::default().run(bytes, &mut at, true).unwrap_or(bytes.len());
        let bytes_before = line_start.map_or(first_byte + start as u64, |line_start| (start - line_start) as u64);
        let row = JsonRow { text: &text[start..end], start, line, bytes_before };
        at = end;
        if matches!(skip_space(bytes, &mut at), Some(b',' | b']')) {
            at += 1;
        }
        line += count(&bytes[start..at]);
        line_start = memchr::memrchr(b'\n', &bytes[start..at]).map(|end| start + end + 1).or(line_start);
        Some(row)
    })
}
