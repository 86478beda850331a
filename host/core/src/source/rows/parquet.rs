//! Opens a Parquet file.
//!
//! Texts and bytes are read as views: values that repeat are in memory once, so the rows of a batch can be measured before they
//! become plain data.

mod checked_file;
mod checked_pages;
mod footer;
mod thrift;
mod wide;

use std::fs::File;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType as ArrowType, Field, FieldRef, Fields, Schema};
use parking_lot::Mutex;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader};
use parquet::arrow::parquet_to_arrow_field_levels;
use parquet::basic::{ConvertedType, Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::super::error::{SourceError, SourceErrorKind};
use super::super::files::InputFile;
use super::super::row_limits::RowLimits;
use super::open::{OpenRows, RowError, read_start};
use super::{logical, unreadable};
use crate::format::{Compression, Format};
use checked_file::{CheckedFile, ROWS_WITH_PREFIXES, Usage, has_prefixes, value_width};
use checked_pages::CheckedRowGroups;
use wide::WideColumns;

/// An open file whose metadata is read.
struct ParquetFile {
    file: File,
    length: u64,
    limits: RowLimits,
    metadata: ArrowReaderMetadata,
}

/// Reads the rows of a file.
struct ParquetRows {
    batches: ParquetRecordBatchReader,
    usage: Arc<Mutex<Usage>>,
    /// Whether the library may have read bytes as text without a check.
    is_text_unchecked: bool,
}

/// Opens a file.
///
/// # Errors
/// It cannot be read, is not Parquet, or exceeds a limit.
pub(super) fn open(file: &InputFile, batch_rows: usize, limits: RowLimits) -> Result<OpenRows, SourceError> {
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
    let total_rows = Some(row_count(file, metadata.metadata())?);
    let warnings = logical::warnings(metadata.parquet_schema());
    let parquet = ParquetFile { file: input, length: bytes, limits, metadata };
    let has_small_batches = parquet.rows_at_once(batch_rows) < batch_rows;
    let Some(mut wide) = WideColumns::new(&parquet.metadata) else {
        let schema = Arc::clone(parquet.metadata.schema());
        let rows = parquet.rows(&schema, None, parquet.rows_at_once(batch_rows));
        let rows = rows.map_err(|error| failed(error.into()))?;
        let schema = logical::with_json(schema, &parquet.metadata);
        return Ok(OpenRows { schema, batches: Box::new(rows), has_small_batches, total_rows, bytes, warnings });
    };
    wide.sample(&parquet).map_err(failed)?;
    let schema = logical::with_json(wide.schema(), &parquet.metadata);
    let (low, high) = wide.readers(&parquet, batch_rows, None).map_err(|error| failed(error.into()))?;
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
    fn rows_at_once(&self, batch_rows: usize) -> usize {
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
        let fields: Fields = schema.fields().iter().map(viewed).collect();
        let types = self.metadata.parquet_schema();
        let mask = match roots {
            Some(roots) => ProjectionMask::roots(types, roots.iter().copied()),
            None => ProjectionMask::all(),
        };
        let levels = parquet_to_arrow_field_levels(types, mask, Some(&fields))?;
        let file = Arc::new(CheckedFile::new(self.file.try_clone()?, self.length, types.num_columns(), self.limits));
        let usage = file.usage();
        let groups = CheckedRowGroups { file, metadata: Arc::clone(self.metadata.metadata()) };
        let batches = ParquetRecordBatchReader::try_new_with_row_groups(&levels, &groups, batch_rows, None)?;
        let is_text_unchecked =
            self.metadata.parquet_schema().columns().iter().any(|column| {
                column.physical_type() == Type::BYTE_ARRAY && column.converted_type() != ConvertedType::UTF8
            });
        Ok(ParquetRows { batches, usage, is_text_unchecked })
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
