//! Chunks of an input, and their rows and positions after decoding.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::bad_row::BadRow;
use super::carried::Carried;
use super::error::SourceError;
use crate::format::TextEncoding;

/// Cuts an input into chunks. Does only the blocking reads; all other work is left to the threads that decode.
pub(crate) trait Reader: Send {
    /// Returns the next chunk, or `None` at the end.
    ///
    /// The limits of the chunks depend only on the input and on the number of rows in a batch.
    ///
    /// # Errors
    ///
    /// The input cannot be read or decompressed, a row is too long, or the headers of two files differ.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError>;
}

/// Turns chunks into rows, on any thread and in any order.
pub(crate) trait Decoder: Send + Sync {
    /// Returns the rows of a chunk, with the source's schema.
    ///
    /// # Errors
    ///
    /// A line or row is malformed or does not fit its column. The first such error is returned.
    fn decode(&self, chunk: Chunk) -> Result<DecodedBatch, SourceError>;

    /// Returns the rows of a chunk, and those that cannot be read if the source rejects them. Binary formats have no such
    /// rows.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), unless the source rejects bad rows.
    fn decode_all(&self, chunk: Chunk) -> Result<(DecodedBatch, Vec<BadRow>), SourceError> {
        self.decode(chunk).map(|decoded| (decoded, Vec::new()))
    }

    /// Returns a decoder of the same rows that may return these columns as [`Carried::Text`]. Each range is of columns
    /// that are next to each other in the sinks as well. `None` if the format is not JSON.
    fn carrying(&self, _columns: &[Range<usize>]) -> Option<Arc<dyn Decoder>> {
        None
    }
}

/// A part of one file, with at most as many rows as a batch.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    /// The file name.
    pub(crate) file: Arc<str>,
    /// The content.
    pub(crate) data: ChunkData,
    /// Number of rows.
    pub(crate) rows: usize,
    /// Bytes of the whole input read so far, before decompression. For progress reports.
    pub(crate) bytes_read: u64,
}

/// The content of a chunk.
#[derive(Debug, Clone)]
pub(crate) enum ChunkData {
    /// Whole lines (JSON Lines), records (CSV) or values (JSON), without header and byte order mark.
    Text {
        /// The text.
        bytes: Bytes,
        /// The number of the first line, from 1.
        first_line: u64,
        /// The number of bytes before the text on its first line.
        bytes_before: u64,
        /// The number of the first row in the file, from 1.
        first_row: u64,
        /// The layout of the file.
        layout: Arc<TextLayout>,
        /// Rows before these of which not even the end is certain.
        bad: Vec<BadRow>,
    },
    /// Rows of a binary format, with the columns in the file's order.
    Rows {
        /// The rows.
        batch: RecordBatch,
        /// The number of the first row in the file, from 1.
        first_row: u64,
        /// The index of the file in the source, if carried columns are left out of the batch.
        carried: Option<u32>,
    },
}

/// The properties of a text file that its start determines, and that its rows depend on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TextLayout {
    /// The ends of lines.
    pub(crate) line_end: LineEnd,
    /// The encoding, from which the text was converted to UTF-8.
    pub(crate) encoding: TextEncoding,
    /// CSV: the character between fields.
    pub(crate) delimiter: u8,
    /// CSV: for each field of a record, the index of its column in the source. `None`: the fields are in the order
    /// of the columns.
    pub(crate) fields: Option<Arc<[usize]>>,
    /// JSON: whether rows are values on any number of lines, instead of lines.
    pub(crate) has_values: bool,
}

/// The ends of lines in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LineEnd {
    /// LF, or CRLF. A CR alone is text.
    #[default]
    Lf,
    /// CR, LF or CRLF, for CSV files whose first line ends with a CR alone.
    Any,
}

impl LineEnd {
    /// Returns the number of line ends in these bytes, which do not end between a CR and its LF.
    pub(crate) fn count(self, bytes: &[u8]) -> u64 {
        let lf = memchr::memchr_iter(b'\n', bytes).count();
        let is_alone = |cr: &usize| bytes.get(cr + 1) != Some(&b'\n');
        let cr = match self {
            Self::Lf => 0,
            Self::Any => memchr::memchr_iter(b'\r', bytes).filter(is_alone).count(),
        };
        (lf + cr) as u64
    }

    /// Returns the index after the first line end, and whether more bytes could belong to that line end.
    pub(crate) fn find(self, bytes: &[u8]) -> Option<(usize, bool)> {
        let at = match self {
            Self::Lf => memchr::memchr(b'\n', bytes)?,
            Self::Any => memchr::memchr2(b'\n', b'\r', bytes)?,
        };
        Some(match (bytes[at], bytes.get(at + 1)) {
            (b'\r', Some(b'\n')) => (at + 2, false),
            (b'\r', None) => (at + 1, true),
            _ => (at + 1, false),
        })
    }

    /// Returns the index of the first byte of the last line.
    pub(crate) fn last_line(self, bytes: &[u8]) -> usize {
        let end = match self {
            Self::Lf => memchr::memrchr(b'\n', bytes),
            Self::Any => memchr::memrchr2(b'\n', b'\r', bytes),
        };
        end.map_or(0, |end| end + 1)
    }
}

/// The decoded rows of a chunk, with their positions.
#[derive(Debug)]
pub(crate) struct DecodedBatch {
    /// The rows.
    pub(crate) rows: RecordBatch,
    /// The positions of the rows in the input.
    pub(crate) positions: RowPositions,
    /// Columns that are not arrays. In `rows` they are null.
    pub(crate) carried: Option<Carried>,
}

/// The positions of the rows of one batch in their file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RowPositions {
    file: Arc<str>,
    units: RowNumbering,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum RowNumbering {
    /// Consecutive lines, from this one.
    Lines(u64),
    /// One line per row, with gaps.
    EachLine(Arc<[u64]>),
    /// Consecutive rows, from this one.
    Rows(u64),
    /// One number per row, with gaps.
    EachRow(Arc<[u64]>),
}

/// The position of a row in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowPosition {
    /// The file name.
    pub(crate) file: Arc<str>,
    /// The number of the line or row.
    pub(crate) unit: LineOrRow,
}

/// The number of a row, counted in lines or in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineOrRow {
    /// The line on which the row starts, from 1.
    Line(u64),
    /// The row, from 1.
    Row(u64),
}

impl RowPositions {
    /// Creates the positions of consecutive rows, from `first_row` (from 1).
    pub(crate) fn rows(file: Arc<str>, first_row: u64) -> Self {
        Self { file, units: RowNumbering::Rows(first_row) }
    }

    /// Returns the positions of some of the rows, by their indices in the batch.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let units = match &self.units {
            RowNumbering::Lines(first) => RowNumbering::EachLine(rows.iter().map(|row| first + *row as u64).collect()),
            RowNumbering::EachLine(lines) => RowNumbering::EachLine(rows.iter().map(|row| lines[*row]).collect()),
            RowNumbering::Rows(first) => RowNumbering::EachRow(rows.iter().map(|row| first + *row as u64).collect()),
            RowNumbering::EachRow(numbers) => RowNumbering::EachRow(rows.iter().map(|row| numbers[*row]).collect()),
        };
        Self { file: Arc::clone(&self.file), units }
    }

    /// Returns the position of the row with this index in the batch.
    ///
    /// # Panics
    ///
    /// The batch has no such row.
    pub(crate) fn position(&self, row: usize) -> RowPosition {
        let unit = match &self.units {
            RowNumbering::Lines(first) => LineOrRow::Line(first + row as u64),
            RowNumbering::EachLine(lines) => LineOrRow::Line(lines[row]),
            RowNumbering::Rows(first) => LineOrRow::Row(first + row as u64),
            RowNumbering::EachRow(rows) => LineOrRow::Row(rows[row]),
        };
        RowPosition { file: Arc::clone(&self.file), unit }
    }
}

impl fmt::Display for RowPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = crate::text::escaped(&self.file);
        match self.unit {
            LineOrRow::Line(line) => write!(f, "{file}:{line}"),
            LineOrRow::Row(row) => write!(f, "{file}, row {row}"),
        }
    }
}

/// Collects the numbers of the rows of a chunk: those of their lines, or their own. Stores only a count as long as there is no gap.
#[derive(Debug, Default)]
pub(crate) struct NumberCollector {
    first: u64,
    count: usize,
    each: Vec<u64>,
}

impl NumberCollector {
    /// Adds the number of the next row.
    #[inline]
    pub(crate) fn push(&mut self, number: u64) {
        if self.count == 0 {
            self.first = number;
        }
        let next = self.first + self.count as u64;
        if !self.each.is_empty() {
            self.each.push(number);
        } else if number != next {
            self.each = (self.first..next).chain([number]).collect();
        }
        self.count += 1;
    }

    /// Returns the number of rows.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Returns the positions of all rows, whose numbers are those of lines.
    pub(crate) fn lines(self, file: Arc<str>) -> RowPositions {
        let each = self.each;
        let units = if each.is_empty() { RowNumbering::Lines(self.first) } else { RowNumbering::EachLine(each.into()) };
        RowPositions { file, units }
    }

    /// Returns the positions of all rows, whose numbers are those of rows.
    pub(crate) fn rows(self, file: Arc<str>) -> RowPositions {
        let each = self.each;
        let units = if each.is_empty() { RowNumbering::Rows(self.first) } else { RowNumbering::EachRow(each.into()) };
        RowPositions { file, units }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collector(numbers: &[u64]) -> NumberCollector {
        let mut collector = NumberCollector::default();
        for &number in numbers {
            collector.push(number);
        }
        assert_eq!(collector.count(), numbers.len());
        collector
    }

    fn collected(lines: &[u64]) -> (bool, Vec<String>) {
        let positions = collector(lines).lines("a.csv".into());
        let contiguous = matches!(positions.units, RowNumbering::Lines(_));
        (contiguous, (0..lines.len()).map(|row| positions.position(row).to_string()).collect())
    }

    #[test]
    fn rows_without_a_gap_are_not_stored() {
        let positions = collector(&[4, 5]).rows("a.json".into());
        assert!(matches!(positions.units, RowNumbering::Rows(4)));
        assert_eq!(positions.position(1).to_string(), "a.json, row 5");
        let positions = collector(&[4, 6]).rows("a.json".into());
        assert_eq!(positions.position(1).to_string(), "a.json, row 6");
    }

    #[test]
    fn lines_without_a_gap_are_not_stored() {
        assert_eq!(collected(&[4, 5, 6]), (true, vec!["a.csv:4".into(), "a.csv:5".into(), "a.csv:6".into()]));
        assert_eq!(
            collected(&[4, 5, 9, 10]),
            (false, vec!["a.csv:4".into(), "a.csv:5".into(), "a.csv:9".into(), "a.csv:10".into()])
        );
    }
}
