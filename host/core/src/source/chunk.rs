//! Chunks of an input, and their rows and positions after decoding.

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;

use super::error::SourceError;

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
}

/// A part of one file, with at most as many rows as a batch.
#[derive(Debug)]
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
#[derive(Debug)]
pub(crate) enum ChunkData {
    /// Whole lines (JSON Lines) or whole records (CSV), without header and byte order mark.
    Text {
        /// The text.
        bytes: Bytes,
        /// The number of the first line, from 1.
        first_line: u64,
        /// CSV: for each field of a record, the index of its column in the source. `None`: the fields are in the order
        /// of the columns.
        fields: Option<Arc<[usize]>>,
    },
    /// Rows of a binary format, with the columns in the file's order.
    Rows {
        /// The rows.
        batch: RecordBatch,
        /// The number of the first row in the file, from 1.
        first_row: u64,
    },
}

/// The decoded rows of a chunk, with their positions.
#[derive(Debug)]
pub(crate) struct DecodedBatch {
    /// The rows.
    pub(crate) rows: RecordBatch,
    /// The positions of the rows in the input.
    pub(crate) positions: RowPositions,
}

/// The positions of the rows of one batch in their file.
#[derive(Debug, Clone)]
pub(crate) struct RowPositions {
    file: Arc<str>,
    units: RowNumbering,
}

#[derive(Debug, Clone)]
enum RowNumbering {
    /// Consecutive lines, from this one.
    Lines(u64),
    /// One line per row, with gaps.
    EachLine(Arc<[u64]>),
    /// Consecutive rows, from this one.
    Rows(u64),
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

/// Collects the line numbers of the rows of a chunk. Stores only a count as long as there is no gap.
#[derive(Debug, Default)]
pub(crate) struct LineCollector {
    first: u64,
    count: u64,
    each: Vec<u64>,
}

impl LineCollector {
    /// Adds the line of the next row.
    pub(crate) fn push(&mut self, line: u64) {
        if self.count == 0 {
            self.first = line;
        }
        if !self.each.is_empty() {
            self.each.push(line);
        } else if line != self.first + self.count {
            self.each = (self.first..self.first + self.count).chain([line]).collect();
        }
        self.count += 1;
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    /// Returns the positions of all rows.
    pub(crate) fn positions(self, file: Arc<str>) -> RowPositions {
        let units = if self.each.is_empty() {
            RowNumbering::Lines(self.first)
        } else {
            RowNumbering::EachLine(self.each.into())
        };
        RowPositions { file, units }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(lines: &[u64]) -> (bool, Vec<String>) {
        let mut collector = LineCollector::default();
        for &line in lines {
            collector.push(line);
        }
        assert_eq!(collector.len(), lines.len());
        let positions = collector.positions("a.csv".into());
        let contiguous = matches!(positions.units, RowNumbering::Lines(_));
        (contiguous, (0..lines.len()).map(|row| positions.position(row).to_string()).collect())
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
