//! Columns of Parquet files that no step reads and only Parquet sinks write. They are not decoded with the other columns: sinks copy
//! their column chunks where all rows of a row group are written, and decode the rows that they need where not.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{DataType as ArrowType, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use parking_lot::Mutex;

use super::super::carried::CarriedValues;
use super::super::error::{SourceError, SourceErrorKind};
use super::super::files::InputFile;
use super::super::place::FilePosition;
use super::super::row_limits::CHUNK_BYTES;
use super::conform::CommonSchema;
use super::parquet::{CopiedChunk, FileGroup, ParquetFile, carriable_columns, load};
use super::{NextRows, OpenRowsFile, RowSettings, guarded};
use crate::format::Format;
use crate::row_size::plain_bytes_up_to;
use crate::text::named;
use crate::values::convert;

/// Rows that are decoded at once.
const DECODED_ROWS: usize = 8192;

/// The most files that stay open.
const OPEN_FILES: usize = 8;

/// The files of a Parquet source, whose columns can be carried.
pub(crate) struct CarriedFiles {
    files: Arc<[InputFile]>,
    settings: RowSettings,
    schema: SchemaRef,
    /// For each column of the source, whether it can be copied from all files.
    carriable: Vec<bool>,
    /// The columns that are carried, by their index in the source, ascending.
    columns: OnceLock<Vec<usize>>,
    /// Whether the reader leaves them out.
    is_active: AtomicBool,
    /// The files that were used last, the latest one last.
    open: Mutex<Vec<(u32, Arc<CarriedFile>)>>,
    /// The size and the time of the last modification of each file when it was opened first.
    versions: Mutex<HashMap<u32, FileVersion>>,
    /// Nulls in place of each carried column.
    nulls: OnceLock<Vec<ArrayRef>>,
    /// The bytes that all decoded rows take as plain data.
    plain_bytes: AtomicU64,
}

/// An open file.
pub(crate) struct CarriedFile {
    file: InputFile,
    pub(super) parquet: Arc<ParquetFile>,
    groups: Vec<FileGroup>,
}

/// The size of a file, and the time of its last modification.
type FileVersion = (u64, Option<SystemTime>);

/// Finds the columns that can be carried from all files of a source.
#[derive(Default)]
pub(super) struct CarriableSearch {
    /// The columns that all files so far have in the same type.
    columns: Option<Vec<(String, ArrowType)>>,
}

impl CarriableSearch {
    /// Adds a file, whose rows have this schema.
    pub(super) fn add(&mut self, file: &ParquetFile, schema: &Schema) {
        let carriable = carriable_columns(file, schema);
        let columns = schema.fields().iter().zip(carriable).filter(|(_, carriable)| *carriable);
        let columns = columns.map(|(field, _)| (field.name().clone(), field.data_type().clone()));
        match &mut self.columns {
            None => self.columns = Some(columns.collect()),
            Some(before) => {
                let here: HashMap<String, ArrowType> = columns.collect();
                before.retain(|(name, data_type)| here.get(name) == Some(data_type));
            }
        }
    }

    /// Returns whether each column of the source is the same in all files.
    pub(super) fn carriable(self, schema: &Schema) -> Vec<bool> {
        let columns: HashMap<String, ArrowType> = self.columns.into_iter().flatten().collect();
        schema.fields().iter().map(|field| columns.get(field.name()) == Some(field.data_type())).collect()
    }
}

impl CarriedFiles {
    pub(super) fn new(
        files: Arc<[InputFile]>,
        settings: RowSettings,
        schema: &CommonSchema,
        search: CarriableSearch,
    ) -> Self {
        let schema = schema.schema();
        Self {
            files,
            settings,
            carriable: search.carriable(&schema),
            schema,
            columns: OnceLock::new(),
            is_active: AtomicBool::new(false),
            open: Mutex::default(),
            versions: Mutex::default(),
            nulls: OnceLock::new(),
            plain_bytes: AtomicU64::new(0),
        }
    }

    /// Chooses the columns to carry among those that no step reads, by their index in the source. Returns whether there are any.
    pub(crate) fn choose(&self, unread: impl IntoIterator<Item = usize>) -> bool {
        let carriable = |column: &usize| self.carriable.get(*column).copied().unwrap_or(false);
        let columns = self.columns.get_or_init(|| unread.into_iter().filter(carriable).collect());
        !columns.is_empty()
    }

    /// Has the reader leave out the carried columns, if any are chosen. Called before the first rows are read.
    pub(crate) fn activate(&self) {
        self.is_active.store(!self.columns().is_empty(), Ordering::Release);
    }

    pub(super) fn is_active(&self) -> bool {
        self.is_active.load(Ordering::Acquire)
    }

    /// Returns the carried columns, by their index in the source.
    pub(crate) fn columns(&self) -> &[usize] {
        self.columns.get().map_or(&[], Vec::as_slice)
    }

    /// Returns the index of a carried column.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns().iter().copied().find(|column| self.schema.field(*column).name() == name)
    }

    /// Returns rows of a chunk with nulls in place of the carried columns.
    pub(super) fn with_nulls(&self, batch: &RecordBatch) -> Result<RecordBatch, arrow_schema::ArrowError> {
        let rows = batch.num_rows();
        let null = |column: &usize| new_null_array(self.schema.field(*column).data_type(), self.settings.batch_rows);
        let nulls = self.nulls.get_or_init(|| self.columns().iter().map(null).collect());
        let mut nulls = self.columns().iter().zip(nulls).peekable();
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for (index, field) in self.schema.fields().iter().enumerate() {
            if let Some((_, nulls)) = nulls.next_if(|(column, _)| **column == index) {
                fields.push(Arc::clone(field));
                columns.push(nulls.slice(0, rows));
            } else if let Some((found, field)) = batch.schema_ref().fields().find(field.name()) {
                fields.push(Arc::clone(field));
                columns.push(Arc::clone(batch.column(found)));
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
    }

    /// Opens a file, unless it is open.
    ///
    /// # Errors
    /// It cannot be read, or no longer has the columns that it had when the source was opened.
    pub(crate) fn file(&self, index: u32) -> Result<Arc<CarriedFile>, SourceError> {
        let mut open = self.open.lock();
        if let Some(position) = open.iter().position(|(file, _)| *file == index) {
            let entry = open.remove(position);
            open.push(entry.clone());
            return Ok(entry.1);
        }
        let file = &self.files[index as usize];
        let parquet = guarded(file, Format::Parquet, || load(file, self.settings.limits))?;
        let file = self.add(&mut open, index, Arc::new(parquet))?;
        Ok(file)
    }

    /// Adds the first file, which is open already.
    pub(super) fn add_first(&self, parquet: Arc<ParquetFile>) -> Result<Arc<CarriedFile>, SourceError> {
        self.add(&mut self.open.lock(), 0, parquet)
    }

    fn add(
        &self,
        open: &mut Vec<(u32, Arc<CarriedFile>)>,
        index: u32,
        parquet: Arc<ParquetFile>,
    ) -> Result<Arc<CarriedFile>, SourceError> {
        let file = &self.files[index as usize];
        // The file may have been replaced since the source was opened.
        let mut search = CarriableSearch::default();
        search.add(&parquet, parquet.schema());
        let carriable = search.carriable(&self.schema);
        let version = parquet.version();
        let is_same = *self.versions.lock().entry(index).or_insert(version) == version;
        if !is_same || self.columns().iter().any(|column| !carriable[*column]) {
            let reason = "the file has changed since the run began".to_owned();
            return Err(SourceError::in_file(&file.name, SourceErrorKind::Value { reason }));
        }
        let roots = self.roots(&parquet, self.columns());
        let groups = parquet.groups(&roots);
        let file = Arc::new(CarriedFile { file: file.clone(), parquet, groups });
        if open.len() == OPEN_FILES {
            open.remove(0);
        }
        open.push((index, Arc::clone(&file)));
        Ok(file)
    }

    /// Returns the indexes of columns in a file.
    fn roots(&self, parquet: &ParquetFile, columns: &[usize]) -> Vec<usize> {
        let names = columns.iter().map(|column| self.schema.field(*column).name());
        names.filter_map(|name| parquet.schema().index_of(name).ok()).collect()
    }

    /// Returns the indexes of the columns of a file that are not carried.
    pub(super) fn other_roots(&self, parquet: &ParquetFile) -> Vec<usize> {
        let carried = self.roots(parquet, self.columns());
        (0..parquet.schema().fields().len()).filter(|root| !carried.contains(root)).collect()
    }

    /// Returns the most rows of a chunk of a file, so that its carried columns take no more memory than other chunks if they are decoded.
    pub(super) fn chunk_rows(&self, file: &CarriedFile) -> usize {
        let roots = self.roots(&file.parquet, self.columns());
        let fitting = CHUNK_BYTES / file.parquet.row_bytes(&roots).max(1);
        usize::try_from(fitting).unwrap_or(usize::MAX).clamp(1, self.settings.batch_rows)
    }

    /// Starts to decode columns of a file, given by their index in the source. `rows` are ascending and do not overlap.
    ///
    /// # Errors
    /// The library cannot read a column.
    pub(crate) fn decoder<'f>(
        &'f self,
        file: &Arc<CarriedFile>,
        columns: &'f [usize],
        rows: Vec<Range<u64>>,
    ) -> Result<CarriedDecoder<'f>, SourceError> {
        let roots = self.roots(&file.parquet, columns);
        let open =
            guarded(&file.file, Format::Parquet, || file.parquet.selected(&file.file, &roots, DECODED_ROWS, &rows))?;
        let batch_rows = DECODED_ROWS;
        let settings = RowSettings { batch_rows, ..self.settings };
        let rows = OpenRowsFile { file: file.file.clone(), rows: open, rest: None, rows_read: 0, selected: Some(rows) };
        Ok(CarriedDecoder { files: self, file: Arc::clone(file), columns, rows, settings })
    }
}

impl CarriedFile {
    /// Returns the row groups.
    pub(crate) fn groups(&self) -> &[FileGroup] {
        &self.groups
    }

    /// Returns the column chunks of columns in a row group, for copying. The columns are given by their names.
    ///
    /// # Errors
    /// The file cannot be opened again.
    pub(crate) fn chunks<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
        group: usize,
    ) -> Result<Vec<Vec<CopiedChunk>>, SourceError> {
        let mut columns = self.parquet.chunks(&self.file.name, group)?;
        let names = names.filter_map(|name| self.parquet.schema().index_of(name).ok());
        Ok(names.map(|root| std::mem::take(&mut columns[root])).collect())
    }
}

/// Decodes carried columns, batch by batch.
pub(crate) struct CarriedDecoder<'f> {
    files: &'f CarriedFiles,
    file: Arc<CarriedFile>,
    columns: &'f [usize],
    rows: OpenRowsFile,
    settings: RowSettings,
}

impl CarriedDecoder<'_> {
    /// Returns the next rows with the columns of the source, at most 16 MiB of them or one. `None` at the end.
    ///
    /// # Errors
    /// The rows are corrupt, or exceed a limit.
    fn next_rows(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        let before = self.rows.rows_read;
        let Some(NextRows { batch, bytes, .. }) = self.rows.next_rows(self.settings)? else { return Ok(None) };
        self.rows.rows_read += batch.num_rows() as u64;
        let all = self.files.plain_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let file = &self.file.file;
        let at_row = |row: u64, kind| SourceError::at(&file.name, FilePosition::Row(row), kind);
        self.settings
            .limits
            .check_rows(all, self.file.parquet.length())
            .map_err(|error| at_row(self.rows.number(before), SourceErrorKind::TooLarge(error)))?;
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for column in self.columns {
            let field = &self.files.schema.fields()[*column];
            let values = batch.column_by_name(field.name()).expect("the file was compared with the source");
            let values = convert(values, field.data_type()).map_err(|error| {
                let reason = format!("column {}: {}", named(field.name()), error.reason);
                at_row(self.rows.number(before + error.row.unwrap_or(0) as u64), SourceErrorKind::Value { reason })
            })?;
            fields.push(Arc::clone(field));
            columns.push(values);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options);
        rows.map(Some).map_err(|source| {
            let (format, source) = (Format::Parquet, Box::new(source));
            SourceError::in_file(&file.name, SourceErrorKind::Unreadable { format, source })
        })
    }

    /// As [`next_rows`](Self::next_rows), with at most this many rows.
    ///
    /// # Errors
    /// As [`next_rows`](Self::next_rows).
    pub(crate) fn next_rows_up_to(&mut self, count: usize) -> Result<Option<RecordBatch>, SourceError> {
        self.settings.batch_rows = DECODED_ROWS.min(count);
        self.next_rows()
    }

    /// Returns this many of the next rows together.
    ///
    /// # Errors
    /// As [`next_rows`](Self::next_rows); or the rows take too much memory together.
    pub(crate) fn take_rows(&mut self, count: usize) -> Result<RecordBatch, SourceError> {
        let (mut parts, mut rows, mut bytes) = (Vec::new(), 0, 0);
        let limits = self.settings.limits;
        while rows < count {
            let Some(part) = self.next_rows_up_to(count - rows)? else { break };
            rows += part.num_rows();
            bytes += plain_bytes_up_to(part.columns(), 0..part.num_rows(), limits.block());
            limits
                .check("the rows of a batch", bytes, limits.block())
                .map_err(|error| SourceError::in_file(&self.file.file.name, SourceErrorKind::TooLarge(error)))?;
            parts.push(part);
        }
        let fields = self.columns.iter().map(|column| Arc::clone(&self.files.schema.fields()[*column]));
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        concat_batches(&schema, &parts).map_err(|source| {
            let (format, source) = (Format::Parquet, Box::new(source));
            SourceError::in_file(&self.file.file.name, SourceErrorKind::Unreadable { format, source })
        })
    }
}

impl CarriedValues for CarriedFiles {
    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.columns().iter().map(|column| self.schema.field(*column).name().as_str()))
    }

    fn decode(&self, file: u32, rows: Range<u64>) -> Result<RecordBatch, SourceError> {
        let (file, count) = (self.file(file)?, rows.end - rows.start);
        self.decoder(&file, self.columns(), vec![rows])?.take_rows(count as usize)
    }
}

impl fmt::Debug for CarriedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CarriedFiles").field("columns", &self.columns).finish_non_exhaustive()
    }
}
