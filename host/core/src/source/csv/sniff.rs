//! Looks at the first line of a CSV file for its line ends and its delimiter.

use super::super::error::SourceError;
use super::super::text::{OpenTextFile, ROW_BYTES};
use crate::format::CsvSettings;

/// Characters that separate fields in files which are called CSV, with their names in messages and in TOML.
pub(super) const CANDIDATES: [(u8, &str, &str); 4] =
    [(b',', "comma", ","), (b'\t', "tab", "\\t"), (b';', "semicolon", ";"), (b'|', "vertical bar", "|")];

/// The first line of a file that is neither blank nor a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FirstLine {
    /// Whether the first line of the file ends with a CR alone.
    pub(super) ends_with_cr: bool,
    /// The number of each of the [`CANDIDATES`] outside quotations.
    pub(super) counts: [usize; CANDIDATES.len()],
}

/// The state of the scan, which continues when there are more bytes.
struct Sniffer {
    quote: Option<u8>,
    comment: Option<u8>,
    at: usize,
    line: FirstLine,
    /// Whether the end of a line was seen, which decides about all.
    has_line_end: bool,
    /// The kind of the current line, as far as it is read.
    kind: LineKind,
    quoted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineKind {
    Blank,
    Comment,
    Record,
}

impl FirstLine {
    /// Reads until the first line is in the buffer, and looks at it.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn read(file: &mut OpenTextFile, settings: &CsvSettings) -> Result<Self, SourceError> {
        let mut sniffer = Sniffer::new(settings.quote, settings.comment);
        loop {
            if sniffer.look(file.buffer(), file.has_ended()) {
                return Ok(sniffer.line);
            }
            if file.has_ended() || file.buffer().len() > ROW_BYTES {
                break;
            }
            file.fill()?;
        }
        if sniffer.quoted {
            // A lone quotation mark is text, and the line ends where it seems to end.
            sniffer = Sniffer::new(None, settings.comment);
            sniffer.look(file.buffer(), true);
        }
        Ok(sniffer.line)
    }
}

impl Sniffer {
    fn new(quote: Option<u8>, comment: Option<u8>) -> Self {
        Self {
            quote,
            comment,
            at: 0,
            line: FirstLine::default(),
            has_line_end: false,
            kind: LineKind::Blank,
            quoted: false,
        }
    }

    /// Looks at the bytes that are new, and returns whether the line is complete.
    fn look(&mut self, bytes: &[u8], last: bool) -> bool {
        while let Some(&byte) = bytes.get(self.at) {
            if self.quoted {
                self.quoted = Some(byte) != self.quote;
            } else if matches!(byte, b'\n' | b'\r') {
                if byte == b'\r' && bytes.get(self.at + 1).is_none() && !last {
                    return false;
                }
                if !self.has_line_end {
                    self.line.ends_with_cr = byte == b'\r' && bytes.get(self.at + 1) != Some(&b'\n');
                    self.has_line_end = true;
                }
                if self.kind == LineKind::Record {
                    return true;
                }
                self.kind = LineKind::Blank;
            } else {
                if self.kind == LineKind::Blank {
                    self.kind = if Some(byte) == self.comment { LineKind::Comment } else { LineKind::Record };
                }
                if self.kind == LineKind::Record {
                    self.quoted = Some(byte) == self.quote;
                    if let Some(candidate) = CANDIDATES.iter().position(|(candidate, ..)| *candidate == byte) {
                        self.line.counts[candidate] += 1;
                    }
                }
            }
            self.at += 1;
        }
        last && self.kind == LineKind::Record && !self.quoted
    }
}
