//! Parquet and Arrow IPC: formats that store rows in columns.
//!
//! The columns and their Arrow types come from the file. All files of a source must have the same names and the same types
//! of the contract; widths and layouts may differ, and the wider one is used. The order of the columns may differ; the first
//! file's order is used. A column is nullable if it is nullable in any file. Schemas
//! are read and compared when the source is opened. Values of columns with the extension type `arrow.json` are checked.
//!
//! A batch of a file is cut into chunks by rows and by bytes. The limits on what is read at once follow from `max-row` in the
//! source: see [`row_limits`](super::row_limits).
//!
//! Parquet is read from regular files without further compression. The Arrow IPC file format is read from uncompressed
//! regular files, the stream format from any input.

mod arrow;
mod carried;
mod conform;
mod logical;
mod open;
mod parquet;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use super::carried::{Carried, CarriedRows};
use super::chunk::{Chunk, ChunkData, DecodedBatch, Decoder, Reader, RowPositions};
use super::error::{SourceError, SourceErrorKind};
use super::files::InputFile;
use super::place::FilePosition;
use super::row_limits::{CHUNK_BYTES, RowLimits, TooLarge};
use super::{OpenSource, SourceSchema};
use crate::format::Format;
use crate::panics::caught;
use crate::row_size::{fast_plain_bytes, plain_bytes_up_to, plain_row_bytes};
use crate::text::escaped;
use crate::values::ConversionError;
pub(crate) use arrow::{first_batch, first_batch_within};
use carried::CarriableSearch;
pub(crate) use carried::{CarriedDecoder, CarriedFile, CarriedFiles};
pub(super) use conform::CommonSchema;
use open::OpenRows;
pub(crate) use parquet::CopiedChunk;
use parquet::ParquetFile;

/// Opens a Parquet or Arrow IPC source.
///
/// # Errors
///
/// A file cannot be read, does not have this format, or has other columns than the first file.
pub(crate) fn open(files: Vec<InputFile>, settings: RowSettings) -> Result<OpenSource, SourceError> {
    let format = settings.format;
    let count: Arc<AtomicU64> = Arc::default();
    let mut schema: Option<CommonSchema> = None;
    let (mut first, mut warnings) = (None, Vec::new());
    let mut search = CarriableSearch::default();
    for file in &files {
        // The first file stays open. The others are opened again for reading, and their bytes count only then.
        let uncounted = if schema.is_none() { Arc::clone(&count) } else { Arc::default() };
        let (rows, parquet) = settings.open(file, &uncounted)?;
        if let Some(parquet) = &parquet {
            search.add(parquet, &rows.schema);
        }
        match &mut schema {
            None => {
                warnings = rows.warnings.iter().map(|message| format!("{}: {message}", escaped(&file.name))).collect();
                schema = Some(CommonSchema::new(&file.name, &rows.schema, format)?);
                first = Some((rows, parquet));
            }
            Some(schema) => schema.add(&file.name, &rows.schema)?,
        }
    }
    let schema = schema.expect("a source has at least one file");
    let files: Arc<[InputFile]> = files.into();
    let carried = CarriedFiles::new(Arc::clone(&files), settings, &schema, search);
    let carried = (format == Format::Parquet).then(|| Arc::new(carried));
    let reader = RowsReader {
        files,
        next_file: 0,
        settings,
        carried: carried.clone(),
        count,
        first,
        current: None,
        bytes_before: 0,
        plain_bytes: 0,
    };
    let decoder = RowsDecoder { schema, carried: carried.clone() };
    let known = SourceSchema::Known(decoder.schema.schema());
    Ok(OpenSource { warnings, carried, ..OpenSource::new(known, Box::new(reader), Arc::new(decoder)) })
}

/// The rows of an open file, and the file if it is Parquet.
type OpenFile = (OpenRows, Option<Arc<ParquetFile>>);

/// How files are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowSettings {
    pub(crate) format: Format,
    /// The most rows of a chunk.
    pub(crate) batch_rows: usize,
    pub(crate) limits: RowLimits,
}

impl RowSettings {
    /// Opens a file. Adds the bytes read of Arrow IPC to `count`.
    fn open(&self, file: &InputFile, count: &Arc<AtomicU64>) -> Result<OpenFile, SourceError> {
        guarded(file, self.format, || match self.format {
            Format::Parquet => {
                let parquet = Arc::new(parquet::load(file, self.limits)?);
                Ok((parquet::read(file, &parquet, self.batch_rows, None)?, Some(parquet)))
            }
            _ => Ok((arrow::open(file, count, self.limits)?, None)),
        })
    }
}

/// Reads files one after the other.
struct RowsReader {
    files: Arc<[InputFile]>,
    /// The index of the file after the current one.
    next_file: usize,
    settings: RowSettings,
    /// The columns that may be left out, if the format is Parquet.
    carried: Option<Arc<CarriedFiles>>,
    count: Arc<AtomicU64>,
    /// The first file, open since its schema was read. It may be a pipe, which cannot be opened twice.
    first: Option<OpenFile>,
    current: Option<OpenRowsFile>,
    /// Bytes of the files already read.
    bytes_before: u64,
    /// The bytes that all rows so far take as plain data.
    plain_bytes: u64,
}

/// The file that is being read.
struct OpenRowsFile {
    file: InputFile,
    rows: OpenRows,
    /// The remaining rows of a batch that is larger than a chunk.
    rest: Option<RecordBatch>,
    rows_read: u64,
    /// The numbers of the rows that are read, from 0, if they are not all.
    selected: Option<Vec<Range<u64>>>,
}

impl RowsReader {
    /// Opens the next file. `None` after the last one.
    fn next_file(&mut self) -> Result<Option<OpenRowsFile>, SourceError> {
        let Some(file) = self.files.get(self.next_file).cloned() else { return Ok(None) };
        let (index, first) = (self.next_file as u32, self.first.take());
        self.next_file += 1;
        let rows = match (self.active(), first) {
            (Some(carried), first) => {
                let open = match first.and_then(|(_, parquet)| parquet) {
                    Some(parquet) => carried.add_first(parquet)?,
                    None => carried.file(index)?,
                };
                let (roots, batch_rows) = (carried.other_roots(&open.parquet), carried.chunk_rows(&open));
                self.settings.batch_rows = batch_rows;
                guarded(&file, Format::Parquet, || parquet::read(&file, &open.parquet, batch_rows, Some(&roots)))?
            }
            (None, Some((rows, _))) => rows,
            (None, None) => self.settings.open(&file, &self.count)?.0,
        };
        Ok(Some(OpenRowsFile { file, rows, rest: None, rows_read: 0, selected: None }))
    }

    fn active(&self) -> Option<&Arc<CarriedFiles>> {
        self.carried.as_ref().filter(|carried| carried.is_active())
    }
}

impl Reader for RowsReader {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        loop {
            let mut current = match self.current.take() {
                Some(current) => current,
                None => match self.next_file()? {
                    None => return Ok(None),
                    Some(file) => file,
                },
            };
            if let Some(NextRows { batch, bytes, rest_bytes }) = current.next_rows(self.settings)? {
                let first_row = current.rows_read + 1;
                current.rows_read += batch.num_rows() as u64;
                let bytes_read = self.bytes_before + current.bytes_read(&self.count);
                self.plain_bytes = self.plain_bytes.saturating_add(bytes);
                let all = self.plain_bytes.saturating_add(rest_bytes);
                self.settings.limits.check_rows(all, bytes_read).map_err(|error| {
                    SourceError::at(&current.file.name, FilePosition::Row(first_row), SourceErrorKind::TooLarge(error))
                })?;
                let file = Arc::clone(&current.file.name);
                self.current = Some(current);
                let rows = batch.num_rows();
                let carried = self.active().map(|_| self.next_file as u32 - 1);
                return Ok(Some(Chunk { file, data: ChunkData::Rows { batch, first_row, carried }, rows, bytes_read }));
            }
            if current.rows.total_rows.is_some() {
                self.bytes_before += current.rows.bytes;
            }
        }
    }
}

/// The rows of the next chunk.
struct NextRows {
    batch: RecordBatch,
    /// The bytes that they take as plain data.
    bytes: u64,
    /// The same of the rows after them in the batch that the library returned, if the chunk is the first of it and ended early. Not
    /// all of them if they are too many.
    rest_bytes: u64,
}

impl OpenRowsFile {
    fn next_rows(&mut self, settings: RowSettings) -> Result<Option<NextRows>, SourceError> {
        let is_first = self.rest.is_none();
        let batch = match self.rest.take() {
            Some(batch) => batch,
            None => match self.read_batch(settings)? {
                None => return self.check_rows().map(|()| None),
                Some(batch) => batch,
            },
        };
        let (count, bytes) = self.fitting_rows(&batch, settings)?;
        if count == batch.num_rows() {
            return Ok(Some(NextRows { batch, bytes, rest_bytes: 0 }));
        }
        let is_measured = is_first && count < settings.batch_rows;
        let rest = if is_measured { count..batch.num_rows() } else { 0..0 };
        let rest_bytes = plain_bytes_up_to(batch.columns(), rest, settings.limits.rows());
        self.rest = Some(batch.slice(count, batch.num_rows() - count));
        Ok(Some(NextRows { batch: batch.slice(0, count), bytes, rest_bytes }))
    }

    /// Reads rows of the file: a batch as the library returns it, or several if these are smaller than a chunk.
    fn read_batch(&mut self, settings: RowSettings) -> Result<Option<RecordBatch>, SourceError> {
        let format = settings.format;
        let (mut parts, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while rows < settings.batch_rows && bytes < CHUNK_BYTES {
            let batches = &mut self.rows.batches;
            let next = guarded(&self.file, format, || Ok(batches.next().transpose()))?;
            let Some(batch) = next.map_err(|source| self.file_error(format, rows, source))? else { break };
            if batch.num_rows() == 0 {
                continue;
            }
            rows += batch.num_rows();
            if !self.rows.has_small_batches {
                return Ok(Some(batch));
            }
            bytes += (0..batch.num_rows()).map(|row| plain_row_bytes(batch.columns(), row)).sum::<u64>();
            parts.push(batch);
        }
        match parts.as_slice() {
            [] => Ok(None),
            [batch] => Ok(Some(batch.clone())),
            [first, ..] => {
                let batch = guarded(&self.file, format, || Ok(concat_batches(first.schema_ref(), &parts)))?;
                batch.map(Some).map_err(|error| self.file_error(format, 0, error.into()))
            }
        }
    }

    /// Returns how many of the first rows make a chunk, and their bytes: as many as a batch has, but fewer if they take too many bytes.
    /// A large row makes a chunk of its own.
    fn fitting_rows(&self, batch: &RecordBatch, settings: RowSettings) -> Result<(usize, u64), SourceError> {
        let limits = settings.limits;
        let count = batch.num_rows().min(settings.batch_rows);
        // Most chunks are so small that no row needs a look.
        let fits = |bytes: &u64| *bytes <= CHUNK_BYTES.min(limits.max_row);
        if let Some(bytes) = fast_plain_bytes(batch.columns(), count).filter(fits) {
            return Ok((count, bytes));
        }
        let mut all = 0;
        for row in 0..count {
            let bytes = plain_row_bytes(batch.columns(), row);
            if let Err(error) = limits.check("this row", bytes, limits.max_row) {
                let position = FilePosition::Row(self.number(self.rows_read + row as u64));
                return Err(SourceError::at(&self.file.name, position, SourceErrorKind::TooLarge(error)));
            }
            if all + bytes > CHUNK_BYTES && row > 0 {
                return Ok((row, all));
            }
            all += bytes;
        }
        Ok((count, all))
    }

    /// Returns the error for an error of the iterator of batches, after `before` rows that are not returned yet.
    fn file_error(
        &self,
        format: Format,
        before: usize,
        source: Box<dyn std::error::Error + Send + Sync>,
    ) -> SourceError {
        match source.downcast::<ConversionError>() {
            Ok(error) => {
                let row = error.row.map(|row| self.number(self.rows_read + (before + row) as u64));
                let position = row.map_or(FilePosition::WholeFile, FilePosition::Row);
                SourceError::at(&self.file.name, position, SourceErrorKind::Value { reason: error.reason })
            }
            Err(source) => unreadable(&self.file, format, source),
        }
    }

    /// Returns the number of a row in the file, from 1, for its index among the rows that are read.
    fn number(&self, mut index: u64) -> u64 {
        let Some(selected) = &self.selected else { return index + 1 };
        for range in selected {
            let rows = range.end - range.start;
            if index < rows {
                return range.start + index + 1;
            }
            index -= rows;
        }
        selected.last().map_or(1, |range| range.end + 1)
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
    const UNSUPPORTED: [&str; 5] =
        ["NYI", "not supported", "not yet implemented", "unsupported", "encryption feature is disabled"];
    let source = match source.downcast::<TooLarge>() {
        Ok(error) => return SourceError::in_file(&file.name, SourceErrorKind::TooLarge(*error)),
        Err(source) => source,
    };
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
    /// The columns that may be left out, if the format is Parquet.
    carried: Option<Arc<CarriedFiles>>,
}

impl RowsDecoder {
    pub(super) fn new(schema: CommonSchema) -> Self {
        Self { schema, carried: None }
    }
}

impl Decoder for RowsDecoder {
    fn decode(&self, chunk: Chunk) -> Result<DecodedBatch, SourceError> {
        let ChunkData::Rows { mut batch, first_row, carried } = chunk.data else {
            unreachable!("the reader of a binary format makes chunks of rows")
        };
        let mut carried_rows = None;
        if let (Some(carried), Some(file)) = (&self.carried, carried) {
            batch = carried.with_nulls(&batch).map_err(|error| {
                let kind = SourceErrorKind::Unreadable { format: Format::Parquet, source: Box::new(error) };
                SourceError::in_file(&chunk.file, kind)
            })?;
            let (first, count) = (first_row - 1, batch.num_rows() as u64);
            carried_rows = Some(Carried::Rows(CarriedRows::new(Arc::clone(carried) as _, file, first..first + count)));
        }
        let rows = self.schema.conform(&chunk.file, first_row, &batch)?;
        Ok(DecodedBatch { rows, positions: RowPositions::rows(chunk.file, first_row), carried: carried_rows })
    }
}
