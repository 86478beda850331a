//! The kinds of errors of sources, with their messages.

use std::error::Error;
use std::io;

use super::super::decompress::DecompressError;
use super::super::row_limits::TooLarge;
use super::super::signature::FileKind;
use super::count::{Fields, plural};
use crate::data_type::DataType;
use crate::format::{Compression, Format, TextEncoding};
use crate::pattern::PatternError;

/// The kinds of [`SourceError`]. All text from the input is escaped and shortened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceErrorKind {
    /// The pattern is malformed, no file matches, or a folder cannot be listed.
    #[error(transparent)]
    Pattern(PatternError),
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
    /// The file cannot be decompressed.
    #[error(transparent)]
    Decompress(DecompressError),
    /// The file is of another kind than the source's format.
    #[error("{0}")]
    OtherKind(FileKind),
    /// The header of a CSV file looks like JSON.
    #[error(
        "the first line looks like JSON; set `format = \"jsonl\"` or \"json\" in the source, or `csv = {{ header = true }}` if it is CSV"
    )]
    HeaderOfJson,
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
    /// A row, or another part of a columnar file, exceeds a size limit.
    #[error(transparent)]
    TooLarge(TooLarge),
    /// The text is not UTF-8.
    #[error(
        "byte {byte} of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line"
    )]
    NotUtf8 {
        /// The position of the invalid byte in the line, from 1.
        byte: u64,
    },
    /// The text is not in the encoding that the file has by its settings or its byte order mark.
    #[error("this line has bytes that are not {encoding}; set the right `encoding`, or convert the file to UTF-8")]
    NotEncoded {
        /// The encoding.
        encoding: TextEncoding,
    },
    /// The text is UTF-16 without a byte order mark.
    #[error(
        "this file seems to be UTF-16 without a byte order mark; set `encoding` in `csv` or `json` of the source to \
         \"{encoding}\", or convert the file to UTF-8"
    )]
    NoUtf16Mark {
        /// The encoding that it seems to have.
        encoding: TextEncoding,
    },
    /// The text is UTF-32.
    #[error("this file is UTF-32, which is not supported; convert it to UTF-8")]
    Utf32,
    /// A line is not JSON.
    #[error("this is not valid JSON: {reason}")]
    Json {
        /// The parser's message, without the position.
        reason: String,
    },
    /// A row is JSON, but not an object.
    #[error("a row is an object, as in {{\"key\": \"value\"}}; this row starts with {found}")]
    NotAnObject {
        /// The start of the line.
        found: String,
    },
    /// The layout is an array, and the file is none.
    #[error("this file does not start with `[`, and the layout of the source is \"array\"; correct `layout` in `json`")]
    NotAnArray,
    /// Text follows the array of a file.
    #[error("text follows the end of the array; a file has one array")]
    AfterArray,
    /// There is a comma without a value.
    #[error("a comma is here where a value is expected; remove it")]
    ExtraComma,
    /// Two values of an array are not separated.
    #[error("a comma or the end of the array is expected after a value")]
    NoComma,
    /// A closing bracket does not belong to the bracket that was opened last.
    #[error("`{found}` is here where `{expected}` is expected, so the next row cannot be found; correct the brackets")]
    BracketMismatch { found: char, expected: char },
    /// The file ends within an array or value.
    #[error("the file ends before {what} does; is it truncated, or is a quotation mark or bracket missing?")]
    EndsEarly {
        /// The part that does not end.
        what: &'static str,
    },
    /// The column for other keys has the name of another column or key.
    #[error("the key {key} is the name of the column for other keys; choose another name in `unknown-keys`")]
    OtherKeyTaken {
        /// The key.
        key: String,
    },
    /// A value that is stored as JSON or as a vector contains a number that is not finite.
    #[error(
        "the value of {key} contains NaN or Infinity, which JSON does not have; set `json = {{ nan = \"null\" }}` in the source"
    )]
    NotFiniteInside {
        /// The key.
        key: String,
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
    /// The first line of a CSV file has fewer commas than other delimiters.
    #[error(
        "the first line has {} and {count} {name}{}; if its fields are separated by {name}s, set `csv = {{ delimiter = \"{written}\" }}` \
         in the source, otherwise `csv = {{ delimiter = \",\" }}`",
        if *commas == 0 { "no comma".to_owned() } else { format!("{commas} comma{}", plural(*commas)) },
        plural(*count)
    )]
    OtherDelimiter {
        /// Number of commas.
        commas: usize,
        /// The name of the other delimiter.
        name: &'static str,
        /// Number of the other delimiter.
        count: usize,
        /// The other delimiter in TOML.
        written: &'static str,
    },
    /// The header of a CSV file has only numbers, so it is probably a row.
    #[error(
        "the first line has only numbers instead of names; if the file has no header, set `csv = {{ header = false }}` in the \
         source, otherwise `csv = {{ header = true }}`"
    )]
    HeaderOfNumbers,
    /// The settings name another number of columns than a CSV file has.
    #[error("the first record has {found}, and `names` in `csv` of the source has {expected} names; name every field")]
    NamesDiffer {
        /// Number of fields in the record.
        found: Fields,
        /// Number of names.
        expected: usize,
    },
    /// Two CSV files without headers have another number of columns.
    #[error(
        "the first record has {found}, and that of {other} has {expected}; all files of a source have the same columns"
    )]
    ColumnCountDiffers {
        /// The first file.
        other: String,
        /// Number of fields in this file.
        found: Fields,
        /// Number of fields in the first file.
        expected: Fields,
    },
    /// Two columns have the same name.
    #[error("two columns have the name {name}; rename one of them")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// The source has `hive = true`, and the folders of a file are not columns.
    #[error("`hive` is set in the source, and no folder of this path has a name such as `year=2024`")]
    NoFolders,
    /// The folders of two files have other names.
    #[error("the columns in the folders of this path are not those of {other}: {difference}")]
    FoldersDiffer {
        /// The first file.
        other: String,
        /// The names of both.
        difference: String,
    },
    /// The name of a folder, which is a column, is not UTF-8.
    #[error("the folder {folder}, which is a column, is not UTF-8")]
    FolderNotUtf8 {
        /// The folder.
        folder: String,
    },
    /// The value in the name of a folder does not have the declared type.
    #[error("column {column} is declared as {data_type}, and the folder has the value {value}")]
    FolderValue {
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// The declared type.
        data_type: DataType,
    },
    /// Two files have the same name in messages.
    #[error(
        "two files whose names are not UTF-8 look the same, so their folders cannot be columns; rename one of them"
    )]
    SameName,
    /// The files have a column with the name of a folder.
    #[error("the column {name} is in the files and in the names of their folders; remove `hive` from the source")]
    FolderColumnTaken {
        /// The column.
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
    #[error(
        "this row has {found}, and the header has {expected}{}",
        if expected.0 == 1 { "; set `delimiter` in `csv` of the source if fields are separated by another character" } else { "" }
    )]
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
    /// A value does not have the nested type of its column.
    #[error("{column} is of type {expected}, and this row has {found}; declare it as \"json\" to keep any value")]
    Nested {
        /// The column, and the place in its value.
        column: String,
        /// The type.
        expected: String,
        /// The value.
        found: String,
    },
    /// The file uses a part of its format that the library does not support.
    #[error("this {format} file uses a feature that is not supported; write it without that feature")]
    Unsupported {
        /// The format.
        format: Format,
        /// The library's error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The numbers of rows in a Parquet file contradict each other.
    #[error("the file is corrupt: its footer states {stated} rows, and {place} {found}")]
    RowCount {
        /// The number in the footer.
        stated: i64,
        /// Where the other number comes from.
        place: &'static str,
        /// The other number.
        found: i64,
    },
    /// A value does not fit the type of its column.
    #[error("a value cannot be read without a change: {reason}")]
    Value {
        /// The column and the reason.
        reason: String,
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
