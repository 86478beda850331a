//! What can go wrong at an output.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::format::{Compression, Format};

/// An output that cannot be made, or rows that its format cannot hold.
///
/// `Display` prints one link: the output, then what is wrong and what to do. The cause, where there is one, is the
/// error's `source`.
#[derive(Debug)]
pub(crate) struct SinkError {
    /// The output's name.
    pub(crate) output: Arc<str>,
    /// What is wrong.
    pub(crate) kind: Box<SinkErrorKind>,
}

impl SinkError {
    pub(super) fn new(output: &Arc<str>, kind: SinkErrorKind) -> Self {
        Self { output: Arc::clone(output), kind: Box::new(kind) }
    }

    /// An error while writing; a reader that has gone away is a kind of its own.
    pub(super) fn io(output: &Arc<str>, action: &'static str, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::BrokenPipe => SinkErrorKind::Closed,
            _ => SinkErrorKind::Io { action, source },
        };
        Self::new(output, kind)
    }

    /// Whether there is nobody to write for any more, which ends a run quietly.
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

/// What is wrong with an output.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SinkErrorKind {
    /// The reader at the other end has gone away.
    #[error("the reader has closed it")]
    Closed,
    /// The run ends, and waits for the reader no longer.
    #[error("its reader is too slow for a run that was stopped")]
    ReaderTooSlow,
    /// The operating system refused.
    #[error("cannot {action}")]
    Io {
        /// What was tried, as a verb and its object.
        action: &'static str,
        /// Its answer.
        source: io::Error,
    },
    /// The folder for the output is missing or refuses a new file.
    #[error("cannot make a file in the folder {folder:?}; does it exist, and may you write there?")]
    Folder {
        /// The folder.
        folder: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// The output is a directory.
    #[error("this is a directory; name a file in it")]
    Directory,
    /// A binary format in another compression.
    #[error(
        "{format} cannot be written as {compression}: it has a compression of its own; remove the ending or setting"
    )]
    CompressedRows {
        /// The format.
        format: Format,
        /// The compression around it.
        compression: Compression,
    },
    /// A column of a type that the format has no way to hold.
    #[error(
        "column {column} is of type {data_type}, which {format} cannot hold; drop the column, or write arrow or parquet"
    )]
    Type {
        /// The column.
        column: String,
        /// Its Arrow type.
        data_type: String,
        /// The format.
        format: Format,
        /// What the library says.
        source: arrow_schema::ArrowError,
    },
    /// A number that JSON does not have.
    #[error(
        "column {column} has {value} in row {row} of the batch, and JSON has no such number; make it null in a step"
    )]
    NotFinite {
        /// The column.
        column: String,
        /// The row in its batch, from 0.
        row: usize,
        /// `NaN`, `inf` or `-inf`; or what stands for them within a nested value.
        value: String,
    },
    /// A value that has no text form, such as a time outside of the calendar.
    #[error("column {column} has a value in row {row} of the batch that cannot be written as text: {reason}")]
    Value {
        /// The column.
        column: String,
        /// The row in its batch, from 0.
        row: usize,
        /// What the library says.
        reason: String,
    },
    /// Rows that do not have the sink's schema.
    #[error("the rows do not have the columns that this output was opened for")]
    Schema {
        /// What the library says.
        source: arrow_schema::ArrowError,
    },
    /// The library of a binary format gave up.
    #[error("cannot write the rows as {format}")]
    Library {
        /// The format.
        format: Format,
        /// What the library says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
