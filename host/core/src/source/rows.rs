//! Parquet and Arrow IPC: formats that store rows in columns.
//!
//! The columns and their Arrow types come from the file. All files of a source must have the same names and the same types
//! of the contract; widths and layouts may differ, and the wider one is used. The order of the columns may differ; the first
//! file's order is used. A column is nullable if it is nullable in any file. Schemas
//! are read and compared when the source is opened. Values of columns with the extension type `arrow.json` are checked.
//!
//! Parquet is read from regular files without further compression. The Arrow IPC file format is read from uncompressed
//! regular files, the stream format from any input.

mod conform;
mod open;
mod wide;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;

use super::chunk::{Chunk, ChunkData, DecodedBatch, Decoder, Reader, RowPositions};
use super::error::{SourceError, SourceErrorKind};
use super::files::InputFile;
use super::place::FilePosition;
use super::{OpenSource, SourceSchema};
use crate::format::Format;
use crate::panics::caught;
use crate::values::ConversionError;
pub(super) use conform::CommonSchema;
use open::OpenRows;

/// Opens a Parquet or Arrow IPC source.
///
/// # Errors
///
/// A file cannot be read, does not have this format, or has other columns than the first file.
pub(crate) fn open(files: Vec<InputFile>, format: Format, batch_rows: usize) -> Result<OpenSource, SourceError> {
    let count: Arc<AtomicU64> = Arc::default();
    let mut schema: Option<CommonSchema> = None;
    let mut first = None;
    for file in &files {
        // The first file stays open. The others are opened again for reading, and their bytes count only then.
        let uncounted = if schema.is_none() { Arc::clone(&count) } else { Arc::default() };
        let rows = guarded(file, format, || open::open(file, format, batch_rows, &uncounted))?;
        match &mut schema {
            None => {
                schema = Some(CommonSchema::new(&file.name, &rows.schema, format)?);
                first = Some(rows);
            }
            Some(schema) => schema.add(&file.name, &rows.schema)?,
        }
    }
    let schema = schema.expect("a source has at least one file");
    let reader = RowsReader {
        files: files.into(),
        format,
        batch_rows: batch_rows.max(1),
        count,
        first,
        current: None,
        bytes_before: 0,
    };
    let decoder = RowsDecoder::new(schema);
    let known = SourceSchema::Known(decoder.schema.schema());
    Ok(OpenSource::new(known, Box::new(reader), Arc::new(decoder)))
}

/// Reads files one after the other.
struct RowsReader {
    files: VecDeque<InputFile>,
    format: Format,
    batch_rows: usize,
    count: Arc<AtomicU64>,
    /// The first file, open since its schema was read. It may be a pipe, which cannot be opened twice.
    first: Option<OpenRows>,
    current: Option<OpenRowsFile>,
    /// Bytes of the files already read.
    bytes_before: u64,
}

/// The file that is being read.
struct OpenRowsFile {
    file: InputFile,
    rows: OpenRows,
    /// The remaining rows of a batch that is larger than a chunk.
    rest: Option<RecordBatch>,
    rows_read: u64,
}

impl Reader for RowsReader {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        loop {
            let mut current = match self.current.take() {
                Some(current) => current,
                None => match self.files.pop_front() {
                    None => return Ok(None),
                    Some(file) => {
                        let rows = match self.first.take() {
                            Some(rows) => rows,
                            None => guarded(&file, self.format, || {
                                open::open(&file, self.format, self.batch_rows, &self.count)
                            })?,
                        };
                        OpenRowsFile { file, rows, rest: None, rows_read: 0 }
                    }
                },
            };
            if let Some(batch) = current.next_batch(self.format, self.batch_rows)? {
                let first_row = current.rows_read + 1;
                current.rows_read += batch.num_rows() as u64;
                let bytes_read = self.bytes_before + current.bytes_read(&self.count);
                let file = Arc::clone(&current.file.name);
                self.current = Some(current);
                let rows = batch.num_rows();
                return Ok(Some(Chunk { file, data: ChunkData::Rows { batch, first_row }, rows, bytes_read }));
            }
            if current.rows.total_rows.is_some() {
                self.bytes_before += current.rows.bytes;
            }
        }
    }
}

impl OpenRowsFile {
    fn next_batch(&mut self, format: Format, batch_rows: usize) -> Result<Option<RecordBatch>, SourceError> {
        let batch = match self.rest.take() {
            Some(batch) => batch,
            None => loop {
                let batches = &mut self.rows.batches;
                let next = guarded(&self.file, format, || Ok(batches.next().transpose()))?;
                match next.map_err(|source| self.file_error(format, source))? {
                    None => return self.check_rows().map(|()| None),
                    Some(batch) if batch.num_rows() == 0 => {}
                    Some(batch) => break batch,
                }
            },
        };
        if batch.num_rows() <= batch_rows {
            return Ok(Some(batch));
        }
        self.rest = Some(batch.slice(batch_rows, batch.num_rows() - batch_rows));
        Ok(Some(batch.slice(0, batch_rows)))
    }

    /// Returns the error for an error of the iterator of batches.
    fn file_error(&self, format: Format, source: Box<dyn std::error::Error + Send + Sync>) -> SourceError {
        match source.downcast::<ConversionError>() {
            Ok(error) => {
                let row = error.row.map(|row| self.rows_read + 1 + row as u64);
                let position = row.map_or(FilePosition::WholeFile, FilePosition::Row);
                SourceError::at(&self.file.name, position, SourceErrorKind::Value { reason: error.reason })
            }
            Err(source) => unreadable(&self.file, format, source),
        }
    }

    /// Checks after the last row that the file has as many rows as it states.
    fn check_rows(&self) -> Result<(), SourceError> {
        match self.rows.total_rows {
            Some(total) if total != self.rows_read => {
                let [stated, found] = [total, self.rows_read].map(|rows| i64::try_from(rows).unwrap_or(i64::MAX));
                let kind = SourceErrorKind::RowCount { stated, place: "its pages have", found };
                Err(SourceError::in_file(&self.file.name, kind))
            }
            _ => Ok(()),
        }
    }

    /// Returns the bytes read of this file: counted, or in proportion to the rows.
    fn bytes_read(&self, count: &AtomicU64) -> u64 {
        match self.rows.total_rows {
            None => count.load(Ordering::Relaxed),
            Some(total) => (u128::from(self.rows.bytes) * u128::from(self.rows_read) / u128::from(total.max(1))) as u64,
        }
    }
}

/// Returns the error for a library's error about a file.
fn unreadable(file: &InputFile, format: Format, source: Box<dyn std::error::Error + Send + Sync>) -> SourceError {
    // The libraries have no kind for this in all of their errors, only words.
    const UNSUPPORTED: [&str; 4] = ["NYI", "not supported", "not yet implemented", "unsupported"];
    let text = source.to_string();
    let kind = if UNSUPPORTED.iter().any(|words| text.to_lowercase().contains(&words.to_lowercase())) {
        SourceErrorKind::Unsupported { format, source }
    } else {
        SourceErrorKind::Unreadable { format, source }
    };
    SourceError::in_file(&file.name, kind)
}

/// Runs a library's code on a file that may be hostile. The libraries return errors, but may also panic on such files.
fn guarded<T>(
    file: &InputFile,
    format: Format,
    run: impl FnOnce() -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    caught(run).unwrap_or_else(|_| Err(SourceError::in_file(&file.name, SourceErrorKind::Panicked { format })))
}

/// Converts the rows of every file to the source's schema.
#[derive(Debug)]
pub(super) struct RowsDecoder {
    schema: CommonSchema,
}

impl RowsDecoder {
    pub(super) fn new(schema: CommonSchema) -> Self {
        Self { schema }
    }
}

impl Decoder for RowsDecoder {
    fn decode(&self, chunk: Chunk) -> Result<DecodedBatch, SourceError> {
        let ChunkData::Rows { batch, first_row } = chunk.data else {
            unreachable!("the reader of a binary format makes chunks of rows")
        };
        let rows = self.schema.conform(&chunk.file, first_row, &batch)?;
        Ok(DecodedBatch { rows, positions: RowPositions::rows(chunk.file, first_row) })
    }
}
