//! Sources: read rows from files, patterns of files or standard input.
//!
//! A [`Reader`] cuts the input into raw chunks, in order, on one thread. A [`Decoder`] turns a chunk into rows, on any
//! thread. The limits of a chunk depend only on the input and on the number of rows in a batch, so results do not
//! depend on the number of threads.
//!
//! **Files.** Paths and patterns are found by [`pattern`](crate::pattern). The files of a pattern are read in the byte order
//! of their paths, several patterns one after the other. A file without rows is skipped. The content shows whether a file is
//! compressed; consecutive members or frames are one file.
//!
//! **Several files** of a source must have the same columns. Each format defines what counts as the same: see
//! [`jsonl`], [`csv`] and [`rows`] (Parquet and Arrow IPC).
//!
//! **Chunks** have at most as many rows as a batch, do not span files, and end early at 16 MiB of text. One row of text
//! is at most 64 MiB long.

mod advice;
mod bad_row;
mod batches;
mod carried;
mod chunk;
mod column;
mod convert;
mod csv;
mod decompress;
mod error;
mod files;
mod hive;
mod jsonl;
mod look_ahead;
mod nested;
mod number;
mod place;
mod row_limits;
mod rows;
mod signature;
#[cfg(test)]
mod tests;
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::SchemaRef;

use crate::data_type::{DataType, NestedType};
use crate::format::{Compression, CsvSettings, Format, JsonSettings, TextEncoding};
use crate::policy::Then;
pub(crate) use decompress::DEFAULT_MAX_WINDOW;
use files::InputFiles;
pub(crate) use files::matching_paths;
use hive::Folders;
use row_limits::RowLimits;
use rows::RowSettings;
pub(crate) use rows::{CarriedDecoder, CarriedFile, CarriedFiles, CopiedChunk, first_batch, first_batch_within};

pub(crate) use bad_row::BadRow;
pub(crate) use batches::BatchSource;
pub(crate) use carried::{Carried, CarriedRows};
pub(crate) use chunk::{Chunk, ChunkData, DecodedBatch, Decoder, LineOrRow, Reader, RowPositions};
pub(crate) use error::{SourceError, SourceErrorKind};
pub(crate) use row_limits::{CHUNK_BYTES, DEFAULT_MAX_ROW, OverBudget};

/// Describes an input: its location, format and columns.
#[derive(Debug, Clone)]
pub(crate) struct SourceSpec {
    /// The location.
    pub(crate) location: SourceLocation,
    /// The format.
    pub(crate) format: Format,
    /// Compression of each file as a whole. `None`: determined by the content.
    pub(crate) compression: Option<Compression>,
    /// The largest window for decompression, in bytes.
    pub(crate) max_window: u64,
    /// The bytes of the largest row, if the format is Parquet or Arrow IPC.
    pub(crate) max_row: u64,
    /// The dialect, if the format is CSV.
    pub(crate) csv: CsvSettings,
    /// The settings, if the format is JSON or JSON Lines.
    pub(crate) json: JsonSettings,
    /// Whether folders such as `year=2024` are columns.
    pub(crate) hive: bool,
    /// The action for rows of text that cannot be read.
    pub(crate) on_bad_row: Then,
    /// Declared columns. JSON Lines and JSON: all columns, or empty to infer them. CSV: any of the header's columns.
    /// Parquet and Arrow IPC: must be empty.
    pub(crate) columns: Vec<(String, DataType)>,
    /// Declared columns whose values are lists, structs or maps. In `columns` they are JSON.
    pub(crate) nested: Vec<(String, NestedType)>,
    /// Whether the types of nested values are inferred, in columns that are not declared.
    pub(crate) infers_nested: bool,
    /// Maximum number of rows in a chunk, at least 1.
    pub(crate) batch_rows: usize,
}

impl SourceSpec {
    /// Describes an input with the default settings.
    pub(crate) fn new(location: SourceLocation, format: Format, batch_rows: usize) -> Self {
        Self {
            location,
            format,
            compression: None,
            max_window: DEFAULT_MAX_WINDOW,
            max_row: DEFAULT_MAX_ROW,
            csv: CsvSettings::default(),
            json: JsonSettings::default(),
            hive: false,
            on_bad_row: Then::Stop,
            columns: Vec::new(),
            nested: Vec::new(),
            infers_nested: false,
            batch_rows,
        }
    }

    /// Returns the encoding of the text.
    fn encoding(&self) -> TextEncoding {
        match self.format {
            Format::Csv => self.csv.encoding,
            Format::JsonLines | Format::Json => self.json.encoding,
            Format::Parquet | Format::Arrow => TextEncoding::default(),
        }
    }
}

/// The location of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceLocation {
    /// Files: paths and patterns.
    Paths(Vec<SourcePath>),
    /// Standard input.
    Stdin,
}

/// A path or a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourcePath {
    /// The folder that a relative path starts from. Not a pattern. Empty for the working directory.
    pub(crate) base: PathBuf,
    /// The path or pattern, as written.
    pub(crate) written: PathBuf,
}

impl SourceLocation {
    /// Creates the location of one file or pattern, absolute or relative to the working directory.
    pub(crate) fn path(written: PathBuf) -> Self {
        Self::Paths(vec![SourcePath { base: PathBuf::new(), written }])
    }
}

/// A source that is ready to read.
pub(crate) struct OpenSource {
    /// The columns.
    pub(crate) schema: SourceSchema,
    /// Total size of all files in bytes, before decompression; `None` if the input is a pipe or a device.
    pub(crate) total_bytes: Option<u64>,
    /// The files in reading order; empty for standard input.
    pub(crate) files: Vec<PathBuf>,
    /// Messages for the user about the input, each with its place.
    pub(crate) warnings: Vec<String>,
    /// Cuts the input into chunks.
    pub(crate) reader: Box<dyn Reader>,
    /// Turns a chunk into rows.
    pub(crate) decoder: Arc<dyn Decoder>,
    /// The files whose columns Parquet sinks can copy, if the format is Parquet.
    pub(crate) carried: Option<Arc<CarriedFiles>>,
}

/// The columns of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceSchema {
    /// All rows have these columns.
    Known(SchemaRef),
    /// The input has neither a row nor a header, so any column may be assumed.
    Empty,
}

impl OpenSource {
    fn new(schema: SourceSchema, reader: Box<dyn Reader>, decoder: Arc<dyn Decoder>) -> Self {
        Self { schema, total_bytes: None, files: Vec::new(), warnings: Vec::new(), reader, decoder, carried: None }
    }
}

impl std::fmt::Debug for OpenSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenSource")
            .field("schema", &self.schema)
            .field("total_bytes", &self.total_bytes)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// Finds the files of a source, checks that they can be opened, and reads or infers their columns.
///
/// # Errors
///
/// No file matches, a file cannot be opened, the first rows (JSON Lines, CSV), a header (CSV) or a schema (Parquet,
/// Arrow IPC) are malformed, or the files do not have the same columns.
pub(crate) fn open(spec: &SourceSpec) -> Result<OpenSource, SourceError> {
    let found = InputFiles::find(spec)?;
    let (paths, total_bytes) = (found.paths(), found.total_bytes);
    let mut spec = spec.clone();
    let folders = spec.hive.then(|| Folders::new(&found.paths_below_bases(&spec.location), &mut spec)).transpose()?;
    let spec = &spec;
    let source = match spec.format {
        Format::JsonLines | Format::Json => jsonl::open(found.files, spec),
        Format::Csv => csv::open(found.files, spec),
        Format::Parquet | Format::Arrow if !spec.columns.is_empty() => {
            Err(SourceError::anywhere(SourceErrorKind::OwnSchema { format: spec.format }))
        }
        Format::Parquet | Format::Arrow => {
            let limits = RowLimits::new(spec.max_row);
            rows::open(found.files, RowSettings { format: spec.format, batch_rows: spec.batch_rows.max(1), limits })
        }
    }?;
    let source = nested::convert(source, spec)?;
    let source = OpenSource { total_bytes, files: paths, ..source };
    match folders {
        Some(folders) => folders.add_to(source),
        None => Ok(source),
    }
}
