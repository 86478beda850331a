//! Record batches of the calling program as the rows of a source.

use std::fmt;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{Schema, SchemaRef};
use parking_lot::Mutex;

use super::chunk::{Chunk, ChunkData, Reader};
use super::error::{SourceError, SourceErrorKind};
use super::rows::{CommonSchema, RowsDecoder};
use super::{OpenSource, SourceSchema};
use crate::format::Format;

/// A reader of record batches. It is read by the first run that needs its rows; planning needs only its schema.
#[derive(Clone)]
pub(crate) struct BatchSource {
    columns: SchemaRef,
    rows: BatchRows,
    /// `None` once a run has taken it.
    reader: Arc<Mutex<Option<Box<dyn RecordBatchReader + Send>>>>,
}

/// Where the rows are.
#[derive(Debug, Clone)]
enum BatchRows {
    /// In the reader.
    Given,
    /// In another process, which has found these columns in them.
    Elsewhere(SourceSchema),
}

impl BatchSource {
    /// Creates a source of the reader's rows.
    pub(crate) fn new(reader: Box<dyn RecordBatchReader + Send>) -> Self {
        Self { columns: reader.schema(), rows: BatchRows::Given, reader: Arc::new(Mutex::new(Some(reader))) }
    }

    /// Creates a source that is never read, with the columns of a source in another process.
    pub(crate) fn elsewhere(schema: SourceSchema) -> Self {
        let columns = match &schema {
            SourceSchema::Known(columns) => Arc::clone(columns),
            SourceSchema::Empty => Arc::new(Schema::empty()),
        };
        let reader: Box<dyn RecordBatchReader + Send> = Box::new(RecordBatchIterator::new([], Arc::clone(&columns)));
        Self { columns, rows: BatchRows::Elsewhere(schema), reader: Arc::new(Mutex::new(Some(reader))) }
    }

    /// Prepares the rows for a run. `name` is the name of the source, which stands for a file name in messages.
    ///
    /// # Errors
    ///
    /// Two columns have the same name, or an earlier run has taken the reader.
    pub(crate) fn open(&self, name: &str, batch_rows: usize) -> Result<OpenSource, SourceError> {
        let name: Arc<str> = name.into();
        if self.reader.lock().is_none() {
            return Err(SourceError::in_file(&name, SourceErrorKind::BatchesTaken));
        }
        let schema = CommonSchema::new(&name, &self.columns, Format::Arrow)?;
        let known = match &self.rows {
            BatchRows::Given => SourceSchema::Known(schema.schema()),
            BatchRows::Elsewhere(known) => known.clone(),
        };
        let reader = BatchReader {
            name,
            source: self.clone(),
            batches: None,
            rest: None,
            batch_rows: batch_rows.max(1),
            rows: 0,
        };
        Ok(OpenSource::new(known, Box::new(reader), Arc::new(RowsDecoder::new(schema))))
    }
}

impl fmt::Debug for BatchSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchSource").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// Cuts record batches into chunks.
struct BatchReader {
    name: Arc<str>,
    source: BatchSource,
    /// Taken from the source for the first chunk.
    batches: Option<Box<dyn RecordBatchReader + Send>>,
    /// The remaining rows of a batch that is larger than a chunk.
    rest: Option<RecordBatch>,
    batch_rows: usize,
    /// Number of rows in earlier chunks.
    rows: u64,
}

impl BatchReader {
    /// Returns the next batch that has rows.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        let name = &self.name;
        if self.batches.is_none() {
            self.batches = self.source.reader.lock().take();
        }
        let Some(batches) = &mut self.batches else {
            return Err(SourceError::in_file(name, SourceErrorKind::BatchesTaken));
        };
        for batch in batches {
            let batch = batch.map_err(|source| SourceError::in_file(name, SourceErrorKind::Batches { source }))?;
            let expected = self.source.columns.fields().iter().map(|field| (field.name(), field.data_type()));
            let schema = batch.schema_ref();
            if !expected.eq(schema.fields().iter().map(|field| (field.name(), field.data_type()))) {
                return Err(SourceError::in_file(name, SourceErrorKind::BatchSchema { first_row: self.rows + 1 }));
            }
            if batch.num_rows() > 0 {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

impl Reader for BatchReader {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        let batch = match self.rest.take() {
            Some(rest) => rest,
            None => match self.next_batch()? {
                Some(batch) => batch,
                None => return Ok(None),
            },
        };
        let rows = batch.num_rows().min(self.batch_rows);
        if batch.num_rows() > rows {
            self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
        }
        let data = ChunkData::Rows { batch: batch.slice(0, rows), first_row: self.rows + 1, carried: None };
        self.rows += rows as u64;
        Ok(Some(Chunk { file: Arc::clone(&self.name), data, rows, bytes_read: 0 }))
    }
}
