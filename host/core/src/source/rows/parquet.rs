//! Opens a Parquet file.
//!
//! Texts and bytes are read as views: values that repeat are in memory once, so the rows of a batch can be measured before they
//! become plain data.

mod carriable;
mod checked_file;
mod checked_pages;
mod copied;
mod footer;
mod page_header;
mod thrift;
mod wide;

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use arrow_array::RecordBatch;
use arrow_schema::{DataType as ArrowType, Field, FieldRef, Fields, Schema, SchemaRef};
use parking_lot::Mutex;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, RowSelection};
use parquet::arrow::parquet_to_arrow_field_levels;
use parquet::basic::{ConvertedType, Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

use super::super::error::{SourceError, SourceErrorKind};
use super::super::files::InputFile;
use super::super::row_limits::RowLimits;
use super::open::{OpenRows, RowError, read_start};
use super::{logical, unreadable};
use crate::format::{Compression, Format};
pub(super) use carriable::carriable_columns;
use carriable::has_known_order;
use checked_file::{CheckedFile, ROWS_WITH_PREFIXES, Usage, has_prefixes, value_width};
use checked_pages::CheckedRowGroups;
pub(crate) use copied::CopiedChunk;
use wide::WideColumns;

/// An open file whose metadata is read.
pub(super) struct ParquetFile {
    file: File,
    length: u64,
    limits: RowLimits,
    metadata: ArrowReaderMetadata,
}

/// A row group of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileGroup {
    /// The numbers of its rows in the file, from 0.
    pub(crate) rows: Range<u64>,
    /// The bytes of its carried columns, as they are compressed.
    pub(crate) bytes: u64,
}

/// Reads the rows of a file.
pub(super) struct ParquetRows {
    batches: ParquetRecordBatchReader,
    usage: Arc<Mutex<Usage>>,
    /// Whether the library may have read bytes as text without a check.
    is_text_unchecked: bool,
}

/// Opens a file, and reads its metadata.
///
/// # Errors
/// It cannot be read, is not Parquet, or exceeds a limit.
pub(super) fn load(file: &InputFile, limits: RowLimits) -> Result<ParquetFile, SourceError> {
    let compression = file.compression;
    if compression != Compression::None {
        return Err(SourceError::in_file(&file.name, SourceErrorKind::CompressedParquet { compression }));
    }
    let Some(input) = file.open_seekable(&Arc::default())? else {
        let advice = "Parquet has its index at the end; name a file, or use \"jsonl\", \"csv\" or an Arrow IPC stream";
        return Err(SourceError::in_file(&file.name, SourceErrorKind::NeedsFile { what: "Parquet", advice }));
    };
    let input = input.into_inner();
    let bytes = input.metadata().map_err(|source| file.io("read", source))?.len();
    read_start(file, &mut file.open(&Arc::default())?, Format::Parquet)?;
    let failed = |source: RowError| unreadable(file, Format::Parquet, source);
    footer::check(&input, bytes, limits).map_err(|error| failed(error.into()))?;
    let metadata =
        ArrowReaderMetadata::load(&input, ArrowReaderOptions::new()).map_err(|error| failed(error.into()))?;
    row_count(file, metadata.metadata())?;
    Ok(ParquetFile { file: input, length: bytes, limits, metadata })
}

/// Reads the rows of a file. `roots` are the indexes of the columns to read, or `None` for all; a file with wide columns is read as a
/// whole.
///
/// # Errors
/// As [`load`].
pub(super) fn read(
    file: &InputFile,
    parquet: &Arc<ParquetFile>,
    batch_rows: usize,
    roots: Option<&[usize]>,
) -> Result<OpenRows, SourceError> {
    let failed = |source: RowError| unreadable(file, Format::Parquet, source);
    let total_rows = Some(row_count(file, parquet.metadata.metadata())?);
    let warnings = logical::warnings(parquet.metadata.parquet_schema());
    let bytes = parquet.length;
    let has_small_batches = parquet.rows_at_once(batch_rows) < batch_rows;
    let Some(mut wide) = WideColumns::new(&parquet.metadata) else {
        let schema = Arc::clone(parquet.metadata.schema());
        let rows = parquet.rows(&schema, roots, parquet.rows_at_once(batch_rows));
        let rows = rows.map_err(|error| failed(error.into()))?;
        let schema = logical::with_json(schema, &parquet.metadata);
        return Ok(OpenRows { schema, batches: Box::new(rows), has_small_batches, total_rows, bytes, warnings });
    };
    wide.sample(parquet).map_err(failed)?;
    let schema = logical::with_json(wide.schema(), &parquet.metadata);
    let (low, high) = wide.readers(parquet, batch_rows, None).map_err(|error| failed(error.into()))?;
    let batches = low.zip(high).map(move |(low, high)| Ok(wide.combine(&low?, &high?)?));
    Ok(OpenRows { schema, batches: Box::new(batches), has_small_batches, total_rows, bytes, warnings })
}

/// Returns the number of rows, in which the footer and the row groups agree.
fn row_count(file: &InputFile, metadata: &ParquetMetaData) -> Result<u64, SourceError> {
    let stated = metadata.file_metadata().num_rows();
    let groups = metadata.row_groups().iter().map(RowGroupMetaData::num_rows);
    let found = groups.fold(0_i64, i64::saturating_add);
    match u64::try_from(stated) {
        Ok(rows) if stated == found => Ok(rows),
        _ => {
            let kind = SourceErrorKind::RowCount { stated, place: "its row groups have", found };
            Err(SourceError::in_file(&file.name, kind))
        }
    }
}

impl ParquetFile {
    /// Returns how many rows are read at once, so that the fixed widths of their values, and the usual number of values in nested
    /// columns, fit well into the limits.
    pub(super) fn rows_at_once(&self, batch_rows: usize) -> usize {
        let metadata = self.metadata.metadata();
        let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default().max(1);
        let mut row_bytes = 0_u64;
        for (index, column) in self.metadata.parquet_schema().columns().iter().enumerate() {
            let values = if column.max_rep_level() > 0 {
                let groups = metadata.row_groups().iter();
                let all: u64 = groups.map(|group| u64::try_from(group.column(index).num_values()).unwrap_or(0)).sum();
                all.div_ceil(rows)
            } else {
                1
            };
            row_bytes = row_bytes.saturating_add(value_width(column).saturating_mul(values));
        }
        let chunks = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
        let most = if chunks.into_iter().any(has_prefixes) { ROWS_WITH_PREFIXES } else { usize::MAX };
        let fitting = usize::try_from(self.limits.max_row / row_bytes.max(1)).unwrap_or(usize::MAX);
        fitting.min(most).clamp(1, batch_rows.max(1))
    }

    /// Reads the file in batches of `batch_rows` rows. `schema` has the types of all columns; texts and bytes of the columns that
    /// are not wide become views. `roots` are the indexes of the columns to read, or `None` for all.
    ///
    /// # Errors
    /// The library cannot read a column.
    fn rows(&self, schema: &Schema, roots: Option<&[usize]>, batch_rows: usize) -> Result<ParquetRows, ParquetError> {
        let groups = 0..self.metadata.metadata().num_row_groups();
        self.selected_rows(schema, roots, batch_rows, (groups, None))
    }

    /// Reads selected rows of some row groups: see [`rows`](Self::rows).
    ///
    /// # Errors
    /// The library cannot read a column.
    pub(super) fn selected_rows(
        &self,
        schema: &Schema,
        roots: Option<&[usize]>,
        batch_rows: usize,
        (groups, selection): (Range<usize>, Option<RowSelection>),
    ) -> Result<ParquetRows, ParquetError> {
        let fields: Fields = schema.fields().iter().map(viewed).collect();
        let types = self.metadata.parquet_schema();
        let mask = match roots {
            Some(roots) => ProjectionMask::roots(types, roots.iter().copied()),
            None => ProjectionMask::all(),
        };
        let levels = parquet_to_arrow_field_levels(types, mask, Some(&fields))?;
        let file = Arc::new(CheckedFile::new(self.file.try_clone()?, self.length, types.num_columns(), self.limits));
        let usage = file.usage();
        let groups = CheckedRowGroups { file, metadata: Arc::clone(self.metadata.metadata()), groups };
        let batches = ParquetRecordBatchReader::try_new_with_row_groups(&levels, &groups, batch_rows, selection)?;
        let is_text_unchecked =
            self.metadata.parquet_schema().columns().iter().any(|column| {
                column.physical_type() == Type::BYTE_ARRAY && column.converted_type() != ConvertedType::UTF8
            });
        Ok(ParquetRows { batches, usage, is_text_unchecked })
    }
}

/// Methods for sinks that copy columns of the file.
impl ParquetFile {
    /// Returns the schema of the rows.
    pub(super) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// Returns the size of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Returns the size of the file and the time of its last modification.
    pub(super) fn version(&self) -> (u64, Option<SystemTime>) {
        (self.length, self.file.metadata().and_then(|metadata| metadata.modified()).ok())
    }

    /// Returns the row groups with rows, and the bytes of these columns in each.
    pub(super) fn groups(&self, roots: &[usize]) -> Vec<FileGroup> {
        let mut first = 0;
        let groups = self.metadata.metadata().row_groups().iter().map(|group| {
            let rows = first..first + u64::try_from(group.num_rows()).unwrap_or_default();
            first = rows.end;
            FileGroup { rows, bytes: self.sum(group, roots, ColumnChunkMetaData::compressed_size) }
        });
        groups.collect()
    }

    /// Returns the average bytes of a row in these columns, in the row group where it is the largest.
    pub(super) fn row_bytes(&self, roots: &[usize]) -> u64 {
        let groups = self.metadata.metadata().row_groups().iter();
        let bytes = groups.map(|group| {
            let rows = u64::try_from(group.num_rows()).unwrap_or_default().max(1);
            self.sum(group, roots, ColumnChunkMetaData::uncompressed_size).div_ceil(rows)
        });
        bytes.max().unwrap_or_default()
    }

    fn sum(&self, group: &RowGroupMetaData, roots: &[usize], size: fn(&ColumnChunkMetaData) -> i64) -> u64 {
        let types = self.metadata.parquet_schema();
        let chunks = group.columns().iter().enumerate();
        let chunks = chunks.filter(|(leaf, _)| roots.contains(&types.get_column_root_idx(*leaf)));
        chunks.fold(0, |sum, (_, chunk)| sum.saturating_add(u64::try_from(size(chunk)).unwrap_or_default()))
    }

    /// Starts to read columns of rows, which are ascending and do not overlap.
    ///
    /// # Errors
    /// The library cannot read a column.
    pub(super) fn selected(
        self: &Arc<Self>,
        file: &InputFile,
        roots: &[usize],
        batch_rows: usize,
        rows: &[Range<u64>],
    ) -> Result<OpenRows, SourceError> {
        let ends = rows.first().map_or(0, |first| first.start)..rows.last().map_or(0, |last| last.end);
        let groups = self.groups(&[]);
        let touched =
            groups.iter().enumerate().filter(|(_, group)| group.rows.start < ends.end && ends.start < group.rows.end);
        let touched: Vec<usize> = touched.map(|(index, _)| index).collect();
        let (from, to) = (touched.first().copied().unwrap_or(0), touched.last().map_or(0, |last| last + 1));
        let first = groups.get(from).map_or(0, |group| group.rows.start);
        let total = to.checked_sub(1).map_or(0, |last| groups[last].rows.end) - first;
        let ranges = rows.iter().map(|range| (range.start - first) as usize..(range.end - first) as usize);
        let selection = RowSelection::from_consecutive_ranges(ranges, total as usize);
        let at_once = self.rows_at_once(batch_rows);
        let batches = self.selected_rows(self.schema(), Some(roots), at_once, (from..to, Some(selection)));
        let batches = batches.map_err(|error| unreadable(file, Format::Parquet, error.into()))?;
        Ok(OpenRows {
            schema: Arc::clone(self.schema()),
            batches: Box::new(batches),
            has_small_batches: at_once < batch_rows,
            total_rows: Some(rows.iter().map(|range| range.end - range.start).sum()),
            bytes: 0,
            warnings: Vec::new(),
        })
    }

    /// Returns the chunks of each column in a row group, for copying.
    ///
    /// # Errors
    /// The file cannot be opened again.
    pub(super) fn chunks(&self, file: &Arc<str>, group: usize) -> Result<Vec<Vec<CopiedChunk>>, SourceError> {
        let io_error = |source| SourceError::in_file(file, SourceErrorKind::Io { action: "read", source });
        let types = self.metadata.parquet_schema();
        let opened = self.file.try_clone().map_err(io_error)?;
        let opened = Arc::new(CheckedFile::new(opened, self.length, types.num_columns(), self.limits));
        let mut columns = Vec::new();
        columns.resize_with(self.schema().fields().len(), Vec::new);
        for (leaf, chunk) in self.metadata.metadata().row_group(group).columns().iter().enumerate() {
            let is_ordered = has_known_order(self, leaf, chunk);
            let chunk = CopiedChunk::new(&opened, file, group, (chunk, is_ordered));
            columns[types.get_column_root_idx(leaf)].push(chunk);
        }
        Ok(columns)
    }
}

impl Iterator for ParquetRows {
    type Item = Result<RecordBatch, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.usage.lock().reset();
        let batch = match self.batches.next()? {
            Ok(batch) => batch,
            Err(error) => {
                let limit = self.usage.lock().exceeded();
                return Some(Err(limit.map_or_else(|| error.into(), Into::into)));
            }
        };
        // The metadata of Arrow in the file may say that a column is text whose own type is bytes.
        if self.is_text_unchecked
            && let Err(error) = batch.columns().iter().try_for_each(|column| column.to_data().validate_full())
        {
            return Some(Err(error.into()));
        }
        Some(Ok(batch))
    }
}

/// Returns a field whose texts and bytes are views.
fn viewed(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        ArrowType::Utf8 | ArrowType::LargeUtf8 => ArrowType::Utf8View,
        ArrowType::Binary | ArrowType::LargeBinary => ArrowType::BinaryView,
        ArrowType::Dictionary(_, value) => match viewed(&Arc::new(Field::new("", (**value).clone(), true))).data_type()
        {
            view @ (ArrowType::Utf8View | ArrowType::BinaryView) => view.clone(),
            _ => return Arc::clone(field),
        },
        ArrowType::List(element) => ArrowType::List(viewed(element)),
        ArrowType::LargeList(element) => ArrowType::LargeList(viewed(element)),
        ArrowType::FixedSizeList(element, size) => ArrowType::FixedSizeList(viewed(element), *size),
        ArrowType::Map(entries, sorted) => ArrowType::Map(viewed(entries), *sorted),
        ArrowType::Struct(fields) => ArrowType::Struct(fields.iter().map(viewed).collect()),
        _ => return Arc::clone(field),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}
