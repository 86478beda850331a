//! Columns of a chunk that no step reads, and that are not arrays.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;

use super::error::SourceError;
use crate::failure::Failure;
use crate::json::CarriedText;

/// The carried columns of the rows of one chunk. In the batch they are null.
#[derive(Debug)]
pub(crate) enum Carried {
    /// The text of the columns, as JSON Lines sinks write it.
    Text(CarriedText),
    /// The place of the rows in a file, from which Parquet sinks copy the columns.
    Rows(CarriedRows),
}

impl Carried {
    /// Returns the names of the columns.
    pub(crate) fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Text(text) => Box::new(text.groups().iter().flat_map(|group| group.iter().map(|name| &**name))),
            Self::Rows(rows) => rows.values.names(),
        }
    }
}

/// The rows of a chunk in a file with carried columns.
#[derive(Debug)]
pub(crate) struct CarriedRows {
    values: Arc<dyn CarriedValues>,
    file: u32,
    rows: Range<u64>,
    /// The decoded columns, or the reason why they cannot be decoded.
    decoded: OnceLock<Result<RecordBatch, Box<Failure>>>,
}

/// Decodes carried columns.
pub(crate) trait CarriedValues: Debug + Send + Sync {
    /// Returns the names of the columns.
    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_>;

    /// Returns all carried columns of some rows of a file. `file` is its index in the source.
    ///
    /// # Errors
    /// The rows cannot be decoded, or exceed a limit.
    fn decode(&self, file: u32, rows: Range<u64>) -> Result<RecordBatch, SourceError>;
}

impl CarriedRows {
    /// Creates the rows of a chunk. `rows` are their numbers in the file, from 0.
    pub(crate) fn new(values: Arc<dyn CarriedValues>, file: u32, rows: Range<u64>) -> Self {
        Self { values, file, rows, decoded: OnceLock::new() }
    }

    /// Returns the index of the file in its source.
    pub(crate) fn file(&self) -> u32 {
        self.file
    }

    /// Returns the number of a row of the chunk in the file, from 0.
    pub(crate) fn number(&self, chunk_row: usize) -> u64 {
        self.rows.start + chunk_row as u64
    }

    /// Returns the carried columns of all rows of the chunk, decoded at the first call. `None` if they cannot be decoded: see
    /// [`error`](Self::error).
    pub(crate) fn decoded(&self) -> Option<&RecordBatch> {
        let decode = || self.values.decode(self.file, self.rows.clone()).map_err(|error| Box::new(error.to_failure()));
        self.decoded.get_or_init(decode).as_ref().ok()
    }

    /// Returns the failure of [`decoded`](Self::decoded), if it was called and failed. Rows are rejected in many places, which need not
    /// return an error each if the task checks for one at the end.
    pub(crate) fn error(&self) -> Option<Box<Failure>> {
        self.decoded.get()?.as_ref().err().cloned()
    }
}
