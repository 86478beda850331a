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
#[derive(Debug, Default)]
pub(super) struct ValueScan {
    kind: ValueKind,
    /// The closing brackets that are still expected, the innermost last.
    expected: Vec<u8>,
    is_in_text: bool,
    /// Whether the first byte of a scalar was scanned.
    is_started: bool,
}

/// The result of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanResult {
    /// The value ends before this index.
    End(usize),
    /// More bytes are needed.
    More,
    /// A closing bracket at this index is not the one that is expected.
    Mismatch { at: usize, expected: u8 },
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
    /// Forgets the current value.
    pub(super) fn restart(&mut self) {
        (self.kind, self.is_in_text, self.is_started) = (ValueKind::Unknown, false, false);
        self.expected.clear();
    }

    /// Continues at `at`. If more bytes are needed, `at` is where to continue.
    pub(super) fn run(&mut self, bytes: &[u8], at: &mut usize, last: bool) -> ScanResult {
        if self.kind == ValueKind::Unknown {
            self.kind = match bytes.get(*at) {
                None => return ScanResult::More,
                Some(b'{' | b'[') => ValueKind::Nested,
                Some(b'"') => ValueKind::Text,
                Some(_) => ValueKind::Scalar,
            };
        }
        if self.kind == ValueKind::Scalar {
            return self.scalar(bytes, at, last);
        }
        while let Some(&byte) = bytes.get(*at) {
            if self.is_in_text {
                let found = memchr::memchr2(b'"', b'\\', &bytes[*at..]);
                let Some(found) = found.map(|found| *at + found) else {
                    *at = bytes.len();
                    return ScanResult::More;
                };
                if bytes[found] == b'\\' {
                    if found + 1 == bytes.len() {
                        *at = found;
                        return ScanResult::More;
                    }
                    *at = found + 2;
                    continue;
                }
                self.is_in_text = false;
                *at = found + 1;
            } else {
                match byte {
                    b'"' => self.is_in_text = true,
                    b'{' => self.expected.push(b'}'),
                    b'[' => self.expected.push(b']'),
                    b'}' | b']' => match self.expected.pop() {
                        Some(expected) if expected != byte => return ScanResult::Mismatch { at: *at, expected },
                        _ => {}
                    },
                    _ => {
                        *at += 1;
                        continue;
                    }
                }
                *at += 1;
            }
            if self.expected.is_empty() && !self.is_in_text {
                return ScanResult::End(*at);
            }
        }
        ScanResult::More
    }

    fn scalar(&mut self, bytes: &[u8], at: &mut usize, last: bool) -> ScanResult {
        let is_end = |byte: &u8| is_space(*byte) || matches!(byte, b',' | b']' | b'}' | b'{' | b'[' | b'"');
        // A closing bracket alone is a value as well, so that it is taken and reported.
        let from = if self.is_started { *at } else { *at + 1 };
        match bytes[from..].iter().position(is_end) {
            Some(length) => ScanResult::End(from + length),
            None if last => ScanResult::End(bytes.len()),
            None => {
                (self.is_started, *at) = (true, bytes.len());
                ScanResult::More
            }
        }
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
        self.scan.restart();
        (self.phase, self.seen) = (Phase::Before, 0);
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
                    ScanResult::End(end) => {
                        at = end;
                        self.phase = Phase::After;
                        None
                    }
                    ScanResult::More => Some(ScanStep::More),
                    ScanResult::Mismatch { at, expected } => {
                        let (found, expected) = (char::from(bytes[at]), char::from(expected));
                        let kind = Box::new(SourceErrorKind::BracketMismatch { found, expected });
                        return RowEnd::Malformed { at, kind };
                    }
                },
                Phase::After => Some(self.after(bytes, &mut at)),
            };
            let (end, row) = match step {
                None => continue,
                Some(ScanStep::End { row }) => (at, row),
                Some(ScanStep::Malformed(kind)) => return RowEnd::Malformed { at, kind: Box::new(kind) },
                Some(ScanStep::ExtraComma) => {
                    // Nothing is between two separators, so it is certain where the next value starts.
                    let kind = Box::new(SourceErrorKind::ExtraComma);
                    return RowEnd::Bad { end: at + 1, searched: at + 1, kind };
                }
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
            (_, b',') if self.layout != JsonLayout::Array => {
                return Some(ScanStep::Malformed(SourceErrorKind::ExtraComma));
            }
            (_, b',') => {
                self.after = ExpectedToken::Value;
                return Some(ScanStep::ExtraComma);
            }
            (ExpectedToken::Value, b']') if self.layout == JsonLayout::Array => {
                self.after = ExpectedToken::Nothing;
                return Some(ScanStep::ExtraComma);
            }
            // The decoder takes it for the end of the array that the value before it is in.
            (_, b']') => return Some(ScanStep::Malformed(SourceErrorKind::NotAnObject { found: "]".into() })),
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
    End {
        row: bool,
    },
    /// A comma is where a value is expected, or before the end of the array.
    ExtraComma,
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
    let mut scan = ValueScan::default();
    std::iter::from_fn(move || {
        let before = at;
        skip_space(bytes, &mut at)?;
        let count = |range: &[u8]| memchr::memchr_iter(b'\n', range).count() as u64;
        line += count(&bytes[before..at]);
        line_start = memchr::memrchr(b'\n', &bytes[before..at]).map(|end| before + end + 1).or(line_start);
        let start = at;
        scan.restart();
        let end = match scan.run(bytes, &mut at, true) {
            ScanResult::End(end) => end,
            ScanResult::More | ScanResult::Mismatch { .. } => bytes.len(),
        };
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
