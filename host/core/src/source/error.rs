//! What can be wrong with an input.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::place::{InputPosition, FilePosition};
use crate::failure::{Failure, RowPlace};
use crate::format::{Compression, Format};

/// An input that cannot be read, or not as what it was said to be.
///
/// `Display` prints one link: the place, then what is wrong there and what to do. The cause, where there is one, is the
/// error's `source`.
#[derive(Debug)]
pub(crate) struct SourceError {
    /// Where, as far as that is known.
    pub(crate) place: Option<InputPosition>,
    /// What is wrong.
    pub(crate) kind: Box<SourceErrorKind>,
}

impl SourceError {
    /// An error that concerns no single file.
    pub(crate) fn anywhere(kind: SourceErrorKind) -> Self {
        Self { place: None, kind: Box::new(kind) }
    }

    /// Whether what the input holds is at fault, and not what the source was asked for: its rows, its header or schema, or
    /// the file as a whole, which is damaged or cannot be read to its end.
    pub(crate) fn is_about_content(&self) -> bool {
        let is_in_file = self.place.as_ref().is_some_and(|place| place.position != FilePosition::WholeFile);
        is_in_file
            || match &*self.kind {
                // One that cannot be opened is not there, or not for whoever runs this.
                SourceErrorKind::Io { action, .. } => matches!(*action, "read" | "decompress"),
                SourceErrorKind::CorruptFile { .. }
                | SourceErrorKind::Unreadable { .. }
                | SourceErrorKind::Panicked { .. }
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

    /// An error about a whole file.
    pub(crate) fn in_file(file: &Arc<str>, kind: SourceErrorKind) -> Self {
        Self::at(file, FilePosition::WholeFile, kind)
    }

    /// An error on a line, counted from 1.
    pub(crate) fn on_line(file: &Arc<str>, line: u64, kind: SourceErrorKind) -> Self {
        Self::at(file, FilePosition::Line(line), kind)
    }

    /// An error at a spot of a file.
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

/// What is wrong with an input. Text from the input is escaped and shortened in all of these.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceErrorKind {
    /// The pattern names nothing.
    #[error("no file matches {pattern:?}; check the path and the working directory")]
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// The pattern has wildcards that mean nothing.
    #[error("{pattern:?} is not a pattern of file names")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        source: glob::PatternError,
    },
    /// A directory stands where a file is expected.
    #[error("this is a directory; name a file, or a pattern such as \"*.jsonl\" for the files in it")]
    Directory,
    /// The operating system refused.
    #[error("cannot {action} this input")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// Its answer.
        source: io::Error,
    },
    /// The compressed data ends early or makes no sense.
    #[error("the {compression} data is damaged or cut off")]
    CorruptFile {
        /// The compression.
        compression: Compression,
        /// What the decompressor says.
        source: io::Error,
    },
    /// A row of text is longer than any row may be.
    #[error(
        "this row is longer than {} MiB, the most that one row may have{}",
        limit >> 20,
        if *quoted { "; is a quotation mark missing?" } else { "" }
    )]
    RowTooLong {
        /// The limit in bytes.
        limit: usize,
        /// Whether the row ends in an open quotation.
        quoted: bool,
    },
    /// The text is in another encoding.
    #[error("this line is not UTF-8, from its byte {byte} on; convert the file to UTF-8")]
    NotUtf8 {
        /// The offending byte's place in the line, from 1.
        byte: u64,
    },
    /// A line is not JSON.
    #[error("this line is not valid JSON: {reason}")]
    Json {
        /// What the parser says, without the place.
        reason: String,
    },
    /// A line is JSON, and not an object.
    #[error("a line of JSON Lines is an object, as in {{\"key\": \"value\"}}; this line starts with {found}")]
    NotAnObject {
        /// How the line starts.
        found: String,
    },
    /// An object has a key twice.
    #[error("the key {key} stands twice in this object")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A row has a key that is no column.
    #[error("the key {key} is not a column: {advice}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Why it is none, and how to make it one.
        advice: String,
    },
    /// A value is not of its column's type.
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
    /// The rows have too many different keys.
    #[error("the rows have more than {limit} columns; nest the values in one object and declare it as \"json\"")]
    TooManyColumns {
        /// The limit.
        limit: usize,
    },
    /// Nothing says how wide the vectors of a column are.
    #[error(
        "column {column} is declared as a vector, and none of the first {rows} rows has one to tell how wide it is; \
         declare it as \"json\""
    )]
    VectorWidth {
        /// The column.
        column: String,
        /// How many rows were looked at.
        rows: usize,
    },
    /// A column of a CSV file has no name.
    #[error("the name of column {number} in the header is empty; give every column a name")]
    EmptyName {
        /// The column, from 1.
        number: usize,
    },
    /// Two columns have one name.
    #[error("two columns have the name {name}; rename one of them")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// The pipeline file declares a column that the header has not.
    #[error("the header has no column {name}, which is declared; it has {header}")]
    NoSuchColumn {
        /// The declared name.
        name: String,
        /// The names there are.
        header: String,
    },
    /// Two CSV files have different columns.
    #[error("the header is not that of {other}: {difference}; all files of a source have the same columns")]
    HeaderDiffers {
        /// The file to compare with.
        other: String,
        /// Missing and additional names.
        difference: String,
    },
    /// A CSV row has too few or too many fields.
    #[error("this row has {found}, and the header has {expected}")]
    Ragged {
        /// Fields in the row.
        found: Fields,
        /// Fields in the header.
        expected: Fields,
    },
    /// A quoted CSV field is not closed before the file ends.
    #[error("a quotation that starts in this row is never closed; a quotation mark inside one is written twice")]
    OpenQuote,
    /// A quoted CSV field is followed by something else than a comma or the line's end.
    #[error("field {field} goes on after its closing quotation mark; a quotation mark inside one is written twice")]
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
        /// What the parser says.
        reason: String,
    },
    /// The library of a binary format gave up.
    #[error("cannot read this input as {format}; is it damaged, or in another format?")]
    Unreadable {
        /// The format.
        format: Format,
        /// What the library says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The library of a binary format panicked.
    #[error("this input is damaged in a way that the reader for {format} cannot handle")]
    Panicked {
        /// The format.
        format: Format,
    },
    /// Parquet inside another compression.
    #[error("a Parquet file cannot be read out of {compression}: it has a compression of its own; decompress it first")]
    CompressedParquet {
        /// The compression around it.
        compression: Compression,
    },
    /// A format that needs to jump about, from something that only streams.
    #[error("{what} can be read from an uncompressed file only; {advice}")]
    NeedsFile {
        /// What it is.
        what: &'static str,
        /// What to do instead.
        advice: &'static str,
    },
    /// Columns are declared for a format that brings its own.
    #[error("{format} has a schema of its own; remove `columns` from the source")]
    OwnSchema {
        /// The format.
        format: Format,
    },
    /// Two files of a binary format disagree.
    #[error("the schema is not that of {other}: {difference}; all files of a source have the same columns")]
    SchemaDiffers {
        /// The file to compare with.
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
