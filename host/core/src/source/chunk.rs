//! What travels from the reader to the decoder, and from there on.

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;

use super::error::SourceError;

/// Cuts an input into pieces. It does the blocking input, and nothing that another thread could do.
pub(crate) trait Reader: Send {
    /// The next piece, or none at the end.
    ///
    /// The borders of the pieces depend on the input and on the rows a batch has, and on nothing else.
    ///
    /// # Errors
    ///
    /// The input cannot be read or decompressed, a row is too long, or a file's header is not that of the others.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError>;
}

/// Turns pieces into rows, on any thread and in any order.
pub(crate) trait Decoder: Send + Sync {
    /// The rows of a piece. They have the source's schema.
    ///
    /// # Errors
    ///
    /// The first line or row that is malformed, or that does not fit its column.
    fn decode(&self, chunk: Chunk) -> Result<DecodedBatch, SourceError>;
}

/// A part of one file: at most as many rows as a batch has.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// The file's name.
    pub(crate) file: Arc<str>,
    /// What was read.
    pub(crate) data: ChunkData,
    /// How many rows it has.
    pub(crate) rows: usize,
    /// Bytes of the whole input that are read so far, before decompression: for the progress.
    pub(crate) bytes_read: u64,
}

/// What a piece holds.
#[derive(Debug)]
pub(crate) enum ChunkData {
    /// Whole lines (JSON Lines) or whole records (CSV), without header and byte order mark.
    Text {
        /// The text.
        bytes: Bytes,
        /// The line on which it starts, from 1.
        first_line: u64,
        /// CSV: which of the source's columns each field of a record is. None: they are in the source's order.
        fields: Option<Arc<[usize]>>,
    },
    /// Rows of a binary format, in the file's own order of columns.
    Rows {
        /// The rows.
        batch: RecordBatch,
        /// The file's row with which it starts, from 1.
        first_row: u64,
    },
}

/// The rows of a piece, and where each comes from.
#[derive(Debug)]
pub(crate) struct DecodedBatch {
    /// The rows.
    pub(crate) rows: RecordBatch,
    /// Where they stand in the input.
    pub(crate) positions: RowPositions,
}

/// Where the rows of one batch stand in their file.
#[derive(Debug, Clone)]
pub(crate) struct RowPositions {
    file: Arc<str>,
    units: RowNumbering,
}

#[derive(Debug, Clone)]
enum RowNumbering {
    /// A line each, one after the other.
    Lines(u64),
    /// Lines with gaps between them.
    EachLine(Arc<[u64]>),
    /// A row each, one after the other.
    Rows(u64),
}

/// Where a row stands in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowPosition {
    /// The file's name.
    pub(crate) file: Arc<str>,
    /// The line or the row.
    pub(crate) unit: LineOrRow,
}

/// What the rows of a file are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineOrRow {
    /// The line on which the row starts, from 1.
    Line(u64),
    /// The row, from 1.
    Row(u64),
}

impl RowPositions {
    /// Positions of rows that follow one another, of which the first is `first_row` (from 1).
    pub(crate) fn rows(file: Arc<str>, first_row: u64) -> Self {
        Self { file, units: RowNumbering::Rows(first_row) }
    }

    /// Where the row with this index in the batch stands.
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
        let file = super::shown::escaped(&self.file);
        match self.unit {
            LineOrRow::Line(line) => write!(f, "{file}:{line}"),
            LineOrRow::Row(row) => write!(f, "{file}, row {row}"),
        }
    }
}

/// Collects the lines of the rows of a piece. As long as there is no gap it only counts.
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

    /// The rows there are.
    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    /// The positions of all rows.
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
