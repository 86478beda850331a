//! Errors of sources.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::place::{FilePosition, InputPosition};
use crate::failure::{Failure, RowPlace};
use crate::format::{Compression, Format};

/// An input that cannot be read, or does not have the expected format or columns.
///
/// `Display` prints one link: the position, what is wrong there, and what to do. `source()` returns the cause, if any.
#[derive(Debug)]
pub(crate) struct SourceError {
    /// The position, if known.
    pub(crate) place: Option<InputPosition>,
    /// The kind of the error.
    pub(crate) kind: Box<SourceErrorKind>,
}

impl SourceError {
    /// Creates an error that does not concern one file.
    pub(crate) fn anywhere(kind: SourceErrorKind) -> Self {
        Self { place: None, kind: Box::new(kind) }
    }

    /// Returns whether the content of the input is at fault, and not the configuration of the source. The content is
    /// its rows, its header or schema, or a whole file that is corrupt or cannot be read to its end.
    pub(crate) fn is_about_content(&self) -> bool {
        let is_in_file = self.place.as_ref().is_some_and(|place| place.position != FilePosition::WholeFile);
        is_in_file
            || match &*self.kind {
                // A file that cannot be opened is missing or not readable by this user, which says nothing of its
                // content.
                SourceErrorKind::Io { action, .. } => matches!(*action, "read" | "decompress"),
                SourceErrorKind::CorruptFile { .. }
                | SourceErrorKind::Unreadable { .. }
                | SourceErrorKind::Panicked { .. }
                | SourceErrorKind::Batches { .. }
                | SourceErrorKind::BatchSchema { .. }
                | SourceErrorKind::DuplicateName { .. }
                | SourceErrorKind::SchemaDiffers { .. } => true,
                _ => false,
            }
    }

    /// Returns the failure of kind `host` for this error, with its row.
    pub(crate) fn to_failure(&self) -> Failure {
        let mut failure = Failure::host(self);
        failure.row = self.place.as_ref().map(|place| {
            let (line, row) = match place.position {
                FilePosition::WholeFile => (None, None),
                FilePosition::Line(line) | FilePosition::Byte(line, _) => (Some(line), None),
                FilePosition::Row(row) => (None, Some(row)),
            };
            RowPlace { index: 0, file: Some(Arc::clone(&place.file)), line, row }
        });
        failure
    }

    /// Creates an error about a whole file.
    pub(crate) fn in_file(file: &Arc<str>, kind: SourceErrorKind) -> Self {
        Self::at(file, FilePosition::WholeFile, kind)
    }

    /// Creates an error on a line, counted from 1.
    pub(crate) fn on_line(file: &Arc<str>, line: u64, kind: SourceErrorKind) -> Self {
        Self::at(file, FilePosition::Line(line), kind)
    }

    /// Creates an error at a position of a file.
    pub(crate) fn at(file: &Arc<str>, position: FilePosition, kind: SourceErrorKind) -> Self {
        Self { place: Some(InputPosition { file: Arc::clone(file), position }), kind: Box::new(kind) }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        self.kind.fmt(f)
    }
}

impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

/// The kinds of [`SourceError`]. All text from the input is escaped and shortened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceErrorKind {
    /// No file matches the path or pattern.
    #[error("no file matches {pattern:?}; check the path and the working directory")]
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// The pattern has malformed wildcards.
    #[error("{pattern:?} is not a pattern of file names")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// The parser's error.
        source: glob::PatternError,
    },
    /// The path is a directory.
    #[error("this is a directory; name a file, or a pattern such as \"*.jsonl\" for the files in it")]
    Directory,
    /// The operating system returned an error.
    #[error("cannot {action} this input")]
    Io {
        /// The attempted action, as a verb.
        action: &'static str,
        /// The operating system's error.
        source: io::Error,
    },
    /// The compressed data is invalid or ends early.
    #[error("the {compression} data is corrupt or truncated")]
    CorruptFile {
        /// The compression.
        compression: Compression,
        /// The decompressor's error.
        source: io::Error,
    },
    /// A row of text exceeds the size limit.
    #[error(
        "this row is longer than {} MiB, the limit for one row{}",
        limit >> 20,
        if *quoted { "; is a quotation mark missing?" } else { "" }
    )]
    RowTooLong {
        /// The limit in bytes.
        limit: usize,
        /// Whether the row contains an open quotation, as after a missing quotation mark.
        quoted: bool,
    },
    /// The text is not UTF-8.
    #[error("byte {byte} of this line is not UTF-8; convert the file to UTF-8")]
    NotUtf8 {
        /// The position of the invalid byte in the line, from 1.
        byte: u64,
    },
    /// A line is not JSON.
    #[error("this line is not valid JSON: {reason}")]
    Json {
        /// The parser's message, without the position.
        reason: String,
    },
    /// A line is JSON, but not an object.
    #[error("a line of JSON Lines is an object, as in {{\"key\": \"value\"}}; this line starts with {found}")]
    NotAnObject {
        /// The start of the line.
        found: String,
    },
    /// An object has a duplicate key.
    #[error("this object has the key {key} twice; remove one of them")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A row has a key that is not a column.
    #[error("the key {key} is not a column: {advice}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The reason, and how to declare the column.
        advice: String,
    },
    /// A value does not have the type of its column.
    #[error("column {column} is of type {expected}, and this row has {found}; {advice}")]
    TypeMismatch {
        /// The column.
        column: String,
        /// The column's type.
        expected: String,
        /// The value.
        found: String,
        /// How to declare the column so that the value fits.
        advice: String,
    },
    /// The rows have too many distinct keys.
    #[error("the rows have more than {limit} columns; nest the values in one object and declare it as \"json\"")]
    TooManyColumns {
        /// The limit.
        limit: usize,
    },
    /// No sampled row gives the width of a vector column.
    #[error(
        "column {column} is declared as a vector, but none of the first {rows} rows has a vector to take the width from; \
         declare it as \"json\""
    )]
    VectorWidth {
        /// The column.
        column: String,
        /// The number of sampled rows.
        rows: usize,
    },
    /// A column in the header of a CSV file has no name.
    #[error("the name of column {number} in the header is empty; give every column a name")]
    EmptyName {
        /// The column, from 1.
        number: usize,
    },
    /// Two columns have the same name.
    #[error("two columns have the name {name}; rename one of them")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// The pipeline file declares a column that is not in the header.
    #[error("the declared column {name} is not in the header, which has {header}")]
    NoSuchColumn {
        /// The declared name.
        name: String,
        /// The names in the header.
        header: String,
    },
    /// Two CSV files have different columns.
    #[error("the header is not that of {other}: {difference}; all files of a source have the same columns")]
    HeaderDiffers {
        /// The first file.
        other: String,
        /// Missing and additional names.
        difference: String,
    },
    /// A CSV row has too few or too many fields.
    #[error("this row has {found}, and the header has {expected}")]
    Ragged {
        /// Number of fields in the row.
        found: Fields,
        /// Number of fields in the header.
        expected: Fields,
    },
    /// A quoted CSV field is not closed before the file ends.
    #[error("a quotation that starts in this row is never closed; write a quotation mark inside a quoted field twice")]
    OpenQuote,
    /// A quoted CSV field is followed by something other than a comma or the end of the line.
    #[error(
        "field {field} has text after its closing quotation mark; write a quotation mark inside a quoted field twice"
    )]
    AfterQuote {
        /// The field, from 1.
        field: usize,
    },
    /// A value of a JSON column is not JSON.
    #[error("column {column} is JSON, and its value {value} is not: {reason}")]
    NotJson {
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// The parser's message.
        reason: String,
    },
    /// The library of a binary format returned an error.
    #[error("cannot read this input as {format}; is it corrupt, or in another format?")]
    Unreadable {
        /// The format.
        format: Format,
        /// The library's error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The library of a binary format panicked.
    #[error("the {format} reader failed on this input, which is probably corrupt")]
    Panicked {
        /// The format.
        format: Format,
    },
    /// A Parquet file is compressed as a whole.
    #[error("cannot read Parquet inside {compression}: Parquet compresses its own data; decompress the file first")]
    CompressedParquet {
        /// The compression of the whole file.
        compression: Compression,
    },
    /// A format that needs random access is read from a stream.
    #[error("{what} can be read from an uncompressed file only; {advice}")]
    NeedsFile {
        /// The format.
        what: &'static str,
        /// An alternative for the user.
        advice: &'static str,
    },
    /// Columns are declared for a format that has its own schema.
    #[error("{format} has a schema of its own; remove `columns` from the source")]
    OwnSchema {
        /// The format.
        format: Format,
    },
    /// The program's reader of record batches returned an error.
    #[error("cannot read the next record batch of this source")]
    Batches {
        /// The reader's error.
        source: arrow_schema::ArrowError,
    },
    /// A record batch has other columns than its reader has announced.
    #[error("the record batch that starts at row {first_row} does not have the schema of its reader")]
    BatchSchema {
        /// The first row of the batch, from 1.
        first_row: u64,
    },
    /// A reader of record batches was given to two runs.
    #[error("an earlier run has read the record batches of this source; give each run a reader of its own")]
    BatchesTaken,
    /// Two files of a binary format have different schemas.
    #[error("the schema is not that of {other}: {difference}; all files of a source have the same columns")]
    SchemaDiffers {
        /// The first file.
        other: String,
        /// The first column that differs.
        difference: String,
    },
}

/// A number of fields, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fields(pub(crate) usize);

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} field{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}
