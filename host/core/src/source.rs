//! Sources: read rows from files, patterns of files or standard input.
//!
//! A [`Reader`] cuts the input into raw chunks, in order, on one thread. A [`Decoder`] turns a chunk into rows, on any
//! thread. The limits of a chunk depend only on the input and on the number of rows in a batch, so results do not
//! depend on the number of threads.
//!
//! **Files.** A path that exists is that file. Otherwise it is a pattern: `*`, `?`, `[…]` and `**` match, and the files
//! are read in the byte order of their paths. A file without rows is skipped. The endings `.gz` and `.zst` mark
//! compressed files; consecutive gzip members or Zstandard frames are one file.
//!
//! **Several files** of a source must have the same columns. Each format defines what counts as the same: see
//! [`jsonl`], [`csv`] and [`rows`] (Parquet and Arrow IPC).
//!
//! **Chunks** have at most as many rows as a batch, do not span files, and end early at 16 MiB of text. One row of text
//! is at most 64 MiB long.

mod advice;
mod batches;
mod chunk;
mod column;
mod csv;
mod error;
mod files;
mod jsonl;
mod number;
mod place;
mod rows;
#[cfg(test)]
mod tests;
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::SchemaRef;

use crate::data_type::DataType;
use crate::format::{Compression, Format};
use files::InputFiles;

pub(crate) use batches::BatchSource;
pub(crate) use files::matching_paths;

#[cfg(test)]
pub(crate) use chunk::DecodedBatch;
pub(crate) use chunk::{Chunk, ChunkData, Decoder, LineOrRow, Reader, RowPositions};
pub(crate) use error::{SourceError, SourceErrorKind};

/// Describes an input: its location, format and columns.
#[derive(Debug, Clone)]
pub(crate) struct SourceSpec {
    /// The location.
    pub(crate) location: SourceLocation,
    /// The format.
    pub(crate) format: Format,
    /// Compression of each file as a whole. `None`: taken from the file name's ending.
    pub(crate) compression: Option<Compression>,
    /// Declared columns. JSON Lines: all columns, or empty to infer them. CSV: any of the header's columns. Parquet and
    /// Arrow IPC: must be empty.
    pub(crate) columns: Vec<(String, DataType)>,
    /// Maximum number of rows in a chunk, at least 1.
    pub(crate) batch_rows: usize,
}

/// The location of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceLocation {
    /// Files: a path or a pattern, absolute or relative to the working directory.
    Paths(PathBuf),
    /// Standard input.
    Stdin,
}

/// A source that is ready to read.
pub(crate) struct OpenSource {
    /// The columns.
    pub(crate) schema: SourceSchema,
    /// Total size of all files in bytes, before decompression; `None` if the input is a pipe or a device.
    pub(crate) total_bytes: Option<u64>,
    /// The files in reading order; empty for standard input.
    pub(crate) files: Vec<PathBuf>,
    /// Cuts the input into chunks.
    pub(crate) reader: Box<dyn Reader>,
    /// Turns a chunk into rows.
    pub(crate) decoder: Arc<dyn Decoder>,
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
        Self { schema, total_bytes: None, files: Vec::new(), reader, decoder }
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
    let found = InputFiles::find(&spec.location, spec.compression)?;
    let (paths, total_bytes) = (found.paths(), found.total_bytes);
    let source = match spec.format {
        Format::JsonLines => jsonl::open(found.files, &spec.columns, spec.batch_rows),
        Format::Csv => csv::open(found.files, &spec.columns, spec.batch_rows),
        Format::Parquet | Format::Arrow if !spec.columns.is_empty() => {
            Err(SourceError::anywhere(SourceErrorKind::OwnSchema { format: spec.format }))
        }
        Format::Parquet | Format::Arrow => rows::open(found.files, spec.format, spec.batch_rows),
    }?;
    Ok(OpenSource { total_bytes, files: paths, ..source })
}
