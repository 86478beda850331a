//! Sources: where rows come from.
//!
//! A reader cuts the input into raw pieces, on one thread, in order; a decoder turns a piece into rows, on any thread.
//! The pieces depend on the input and the rows of a batch only, so whatever is made of them does not depend on threads.
//!
//! **Files.** A path that exists is that file. Otherwise it is a pattern: `*`, `?`, `[…]` and `**` match, and the files
//! are read in the byte order of their paths. A file without a row is skipped. Endings `.gz` and `.zst` stand for
//! compressed files; several members or frames one after the other are one file.
//!
//! **Several files** of a source have the same columns. What that means is up to the format: see [`jsonl`], [`csv`] and
//! [`rows`] (Parquet and Arrow IPC).
//!
//! **Pieces** have at most as many rows as a batch, do not cross files, and end early when they have 16 MiB of text. A
//! row of text has at most 64 MiB.

mod advice;
mod chunk;
mod column;
mod csv;
mod error;
mod files;
mod jsonl;
mod number;
mod place;
mod rows;
mod shown;
#[cfg(test)]
mod tests;
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::SchemaRef;

use crate::data_type::DataType;
use crate::format::{Compression, Format};
use files::InputFiles;
pub(crate) use files::matching_paths;

#[cfg(test)]
pub(crate) use chunk::DecodedBatch;
pub(crate) use chunk::{Chunk, ChunkData, Decoder, LineOrRow, Reader, RowPositions};
pub(crate) use error::{SourceError, SourceErrorKind};

/// What to read, and as what.
#[derive(Debug, Clone)]
pub(crate) struct SourceSpec {
    /// Where it is.
    pub(crate) location: SourceLocation,
    /// Its format.
    pub(crate) format: Format,
    /// How each file is compressed as a whole; none: its ending tells.
    pub(crate) compression: Option<Compression>,
    /// Declared columns. JSON Lines: all there are, or empty. CSV: any of those in the header. Others: empty.
    pub(crate) columns: Vec<(String, DataType)>,
    /// Rows in a piece, at least 1.
    pub(crate) batch_rows: usize,
}

/// Where an input is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceLocation {
    /// Files: a path or a pattern, absolute or relative to the working directory.
    Paths(PathBuf),
    /// Standard input.
    Stdin,
}

/// A source that is ready to be read.
pub(crate) struct OpenSource {
    /// The columns.
    pub(crate) schema: SourceSchema,
    /// Bytes in all files, before decompression; none where the input is a pipe or a device.
    pub(crate) total_bytes: Option<u64>,
    /// The files in the order in which they are read; empty for standard input.
    pub(crate) files: Vec<PathBuf>,
    /// Cuts the input into pieces.
    pub(crate) reader: Box<dyn Reader>,
    /// Turns a piece into rows.
    pub(crate) decoder: Arc<dyn Decoder>,
}

/// What is known of the columns of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceSchema {
    /// All rows have these columns.
    Known(SchemaRef),
    /// There is no row and no header, so that any column may be assumed.
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

/// Finds the files of a source, checks that they can be opened, and learns their columns.
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
