//! The limits on what is read from a columnar file at once.

use crate::units::{format_size, grouped};

/// The default of [`RowLimits::max_row`]: the same as for text.
pub(crate) const DEFAULT_MAX_ROW: u64 = 64 << 20;

/// Bytes of the rows in a chunk, at which it ends early: the same as for text.
pub(crate) const CHUNK_BYTES: u64 = 16 << 20;

/// The most rows of the largest size in the files of a source, if these are much smaller. With the default of `max-row` 64 GiB, which
/// take minutes to read.
const MAX_ROWS: u64 = 1024;

/// The bytes of rows for each byte of a file that any file may have. Columns of one value in all rows have more, but hardly all columns of
/// a file with more rows than [`MAX_ROWS`] allows.
const MAX_EXPANSION: u64 = 10_000;

/// The bytes of pages in memory for each byte of a Parquet file that any file may have.
const MAX_PAGE_EXPANSION: u64 = 100;

/// The limits on what is read from a file at once. All follow from `max-row` in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowLimits {
    /// The bytes of the largest row, with all its values as plain data.
    pub(super) max_row: u64,
}

impl RowLimits {
    pub(crate) fn new(max_row: u64) -> Self {
        Self { max_row }
    }

    /// The bytes of a page of Parquet, or of a batch of Arrow IPC, after decompression; also of the values of a nested column that
    /// are read at once.
    pub(super) fn block(self) -> u64 {
        self.max_row.saturating_mul(4)
    }

    /// The bytes of the pages of all columns that are in memory at once, in a file of this length. A file of many columns has many pages, but
    /// they are not much larger than the file.
    pub(super) fn pages(self, length: u64) -> u64 {
        self.plain_block().min(self.block().max(length.saturating_mul(MAX_PAGE_EXPANSION)))
    }

    /// The bytes of an uncompressed batch of Arrow IPC. It is as large as its part of the file.
    pub(super) fn plain_block(self) -> u64 {
        self.max_row.saturating_mul(16)
    }

    /// The bytes of metadata that are read at once.
    pub(super) fn metadata(self) -> u64 {
        self.max_row
    }

    /// The bytes of all rows as plain data, if the files are much smaller.
    pub(super) fn rows(self) -> u64 {
        self.max_row.saturating_mul(MAX_ROWS)
    }

    /// Checks a size.
    ///
    /// # Errors
    /// It is larger than the limit.
    pub(super) fn check(self, what: &'static str, bytes: u64, limit: u64) -> Result<(), TooLarge> {
        if bytes <= limit { Ok(()) } else { Err(TooLarge::Part { what, bytes, limit, max_row: self.max_row }) }
    }

    /// Checks the bytes that all rows so far take as plain data, by the bytes of the files that they come from.
    ///
    /// # Errors
    /// They are so many that reading them would take hours, and no usual file has so many.
    pub(super) fn check_rows(self, bytes: u64, of_files: u64) -> Result<(), TooLarge> {
        let limit = self.rows();
        if bytes <= limit.max(of_files.saturating_mul(MAX_EXPANSION)) {
            return Ok(());
        }
        Err(TooLarge::Rows { bytes, of_files, limit, max_row: self.max_row })
    }
}

/// A stream whose buffers take more memory than is left for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its buffers take more memory than is left for them")]
pub(crate) struct OverBudget;

/// A part of a file, or its rows, that would take too much memory or time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooLarge {
    #[error(
        "{what} would take {bytes} bytes of memory, and the limit is {} with `max-row = \"{}\"`; raise `max-row` in the source if the \
         file is right",
        format_size(*limit), format_size(*max_row)
    )]
    Part { what: &'static str, bytes: u64, limit: u64, max_row: u64 },
    #[error(
        "{} bytes of this source have rows of {} bytes or more, because their values are in the file once and in many rows; the limit is \
         {} with `max-row = \"{}\"`; raise `max-row` in the source if the file is right",
        grouped(*of_files), grouped(*bytes), format_size(*limit), format_size(*max_row)
    )]
    Rows { bytes: u64, of_files: u64, limit: u64, max_row: u64 },
}
