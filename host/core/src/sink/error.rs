//! Errors of sinks.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::format::{Compression, Format};
use crate::source::SourceError;
use crate::values::Unsupported;

/// An output that cannot be created or written, or rows that its format does not support.
///
/// `Display` prints one link: the output, what is wrong, and what to do. `source()` returns the cause, if any.
#[derive(Debug)]
pub(crate) struct SinkError {
    /// The output's name.
    pub(crate) output: Arc<str>,
    /// The kind of the error.
    pub(crate) kind: Box<SinkErrorKind>,
}

impl SinkError {
    pub(super) fn new(output: &Arc<str>, kind: SinkErrorKind) -> Self {
        Self { output: Arc::clone(output), kind: Box::new(kind) }
    }

    /// Creates an error for a failed write. A closed reader has a kind of its own.
    pub(super) fn io(output: &Arc<str>, action: &'static str, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::BrokenPipe => SinkErrorKind::Closed,
            _ => SinkErrorKind::Io { action, source },
        };
        Self::new(output, kind)
    }

    /// Returns the row that cannot be written, in its batch, from 0.
    pub(crate) fn row(&self) -> Option<usize> {
        match *self.kind {
            SinkErrorKind::NotFinite { row, .. }
            | SinkErrorKind::Value { row, .. }
            | SinkErrorKind::BatchTooLarge { row, .. } => Some(row),
            _ => None,
        }
    }

    /// Returns whether the reader no longer takes output. This ends a run without a failure.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(*self.kind, SinkErrorKind::Closed | SinkErrorKind::ReaderTooSlow)
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.output, self.kind)
    }
}

impl std::error::Error for SinkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.kind)
    }
}

/// The kinds of [`SinkError`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum SinkErrorKind {
    /// The reader at the other end closed the pipe.
    #[error("the reader has closed it")]
    Closed,
    /// The run was stopped, and no longer waits for the reader.
    #[error("the reader was too slow to take the rest before the run stopped")]
    ReaderTooSlow,
    /// The operating system returned an error.
    #[error("cannot {action}")]
    Io {
        /// The attempted action, as a verb and its object.
        action: &'static str,
        /// The operating system's error.
        source: io::Error,
    },
    /// A column that is copied from an input cannot be read.
    #[error("cannot copy a column from an input")]
    Source {
        /// The error of the input.
        source: SourceError,
    },
    /// The folder of the output is missing or not writable.
    #[error("cannot create a file in the folder {folder:?}; check that it exists and that you may write there")]
    Folder {
        /// The folder.
        folder: String,
        /// The operating system's error.
        source: io::Error,
    },
    /// The output is a directory.
    #[error("this is a directory; name a file in it")]
    Directory,
    /// A binary format is combined with a compression.
    #[error(
        "cannot write {format} inside {compression}: {format} compresses its own data; remove the ending or the setting"
    )]
    CompressedRows {
        /// The format.
        format: Format,
        /// The compression of the whole output.
        compression: Compression,
    },
    /// The format does not support the type of a column.
    #[error(
        "column {column} is of type {data_type}, which {format} cannot hold; drop the column, or write another format"
    )]
    Type {
        /// The column.
        column: String,
        /// The Arrow type.
        data_type: String,
        /// The format.
        format: Format,
        /// The part of the type at fault.
        source: Unsupported,
    },
    /// JSON has no such number.
    #[error(
        "column {column} has {value}, which JSON cannot represent; set `nan = \"null\"` in the sink, or replace it in a step"
    )]
    NotFinite {
        /// The column.
        column: String,
        /// The row in its batch, from 0.
        row: usize,
        /// `NaN`, `inf` or `-inf`; in a nested value, its text.
        value: String,
    },
    /// The format cannot represent a value, such as a time of day outside of a day.
    #[error("column {column} has a value that cannot be written: {reason}")]
    Value {
        /// The column.
        column: String,
        /// The row in its batch, from 0.
        row: usize,
        /// The library's message.
        reason: String,
    },
    /// The text of a batch exceeds the limit.
    #[error(
        "the rows of one batch take more than {} MiB as {format}; set a smaller `batch-rows`, or a smaller `output-bytes` of the step \
         that makes them", limit >> 20
    )]
    BatchTooLarge {
        /// The format.
        format: Format,
        /// The row that exceeds the limit, in its batch, from 0.
        row: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Rows do not have the sink's schema.
    #[error("the rows do not have the columns that this output was opened for")]
    Schema {
        /// The library's error.
        source: arrow_schema::ArrowError,
    },
    /// The program's function returned an error.
    #[error("the function that takes the rows returned an error")]
    Handler {
        /// The function's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The library of a binary format returned an error.
    #[error("cannot write the rows as {format}")]
    Library {
        /// The format.
        format: Format,
        /// The library's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
