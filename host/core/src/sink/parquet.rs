//! Writes Parquet, one row group at a time.
//!
//! A row group is encoded in memory as a small file of its own, and then copied to the output, together with its entry
//! in the small file's footer. This makes the output resumable. Two files next to it hold what its own footer will
//! need: the entries of complete row groups (`NAME.groups`), and the rows of the incomplete group (`NAME.N.rows`),
//! because a group can only be written as a whole. A resumed run encodes these rows again, from the same batches and to
//! the same bytes.

mod distinct;
mod row_group;

use std::io::{self, Read, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{
    ColumnChunkMetaData, KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use super::error::{SinkError, SinkErrorKind};
use super::format_error::FormatError;
use super::output::OutputFile;
use super::synced::{StagingDir, SyncedLength};
use crate::format::Format;
use crate::panics::caught;
use crate::row_size::{columns_bytes, max_row_bytes};
use crate::spill::SpillFrame;
use crate::values::{IntervalForm, Unsupported, parquet_field};
use crate::writeback::Durability;
use distinct::columns_without_repetition;
use row_group::RowGroupStore;

/// Maximum number of rows in a row group.
const GROUP_ROWS: usize = 1 << 17;

/// Approximate maximum size of a row group in bytes. The incomplete group is in memory.
const GROUP_BYTES: usize = 32 << 20;

/// The bytes of a large row. The library copies large values several times, into a dictionary and into the smallest and the
/// largest value of a page, which are of no use where each row is large.
const LARGE_ROW: u64 = 8 << 20;

/// An unfinished file.
pub(super) struct ParquetOutput {
    out: SerializedFileWriter<SkipWritten<OutputFile>>,
    schema: SchemaRef,
    /// The schema in Parquet's types.
    descriptor: SchemaDescriptor,
    properties: WriterProperties,
    /// The incomplete row group.
    group: ArrowWriter<Vec<u8>>,
    /// Whether the incomplete row group has neither dictionaries nor statistics, from its first large row on.
    has_large_rows: bool,
    /// The files that make the output resumable.
    row_groups: Option<RowGroupStore>,
}

impl ParquetOutput {
    /// Starts a file, or resumes one.
    ///
    /// `schema` is that of the sink, `written` that of the rows.
    pub(super) fn open(
        out: OutputFile,
        schema: &SchemaRef,
        written: &SchemaRef,
        staging: Option<&StagingDir<'_>>,
    ) -> std::result::Result<Self, FormatError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(None)
            .set_max_row_group_bytes(None)
            .set_key_value_metadata(key_values(schema))
            .build();
        let descriptor = descriptor(schema)?;
        let group = || new_group(written, &descriptor, &properties);
        // The schema and metadata for the footer are taken from a small file without rows.
        let empty = Bytes::from(group()?.into_inner()?);
        let empty = metadata(&empty)?;
        let synced = staging.and_then(|staging| staging.synced);
        let out = SkipWritten { out, skip: synced.map_or(0, |synced| synced.length) };
        let columns = empty.file_metadata().schema_descr().root_schema_ptr();
        let mut out = SerializedFileWriter::new(out, columns, Arc::new(properties.clone()))?;
        for pair in empty.file_metadata().key_value_metadata().into_iter().flatten() {
            out.append_key_value_metadata(pair.clone());
        }
        let row_groups = staging.map(|staging| RowGroupStore::open(staging)).transpose()?;
        let mut file = Self {
            out,
            schema: Arc::clone(written),
            descriptor: descriptor.clone(),
            properties: properties.clone(),
            group: group()?,
            has_large_rows: false,
            row_groups,
        };
        if let (Some(synced), Some(row_groups)) = (synced, &mut file.row_groups) {
            for group in row_groups.groups()? {
                append(&mut file.out, &group)?;
            }
            if file.out.bytes_written() as u64 != synced.length {
                return Err(row_groups.corrupt().into());
            }
            for batch in row_groups.rows()? {
                let batch = batch?;
                file.prepare_group(&batch)?;
                file.group.write(&batch)?;
            }
        }
        Ok(file)
    }

    /// Writes rows. `frame` has the same rows, if they were encoded for saving already.
    pub(super) fn write(
        &mut self,
        batch: &RecordBatch,
        mut frame: Option<SpillFrame>,
    ) -> std::result::Result<(), FormatError> {
        let mut start = 0;
        while start < batch.num_rows() {
            let count = (batch.num_rows() - start).min(GROUP_ROWS - self.group.in_progress_rows());
            let part = batch.slice(start, count);
            start += count;
            self.prepare_group(&part)?;
            if let Some(row_groups) = &mut self.row_groups {
                // The frame has all rows of the batch. If a group ends inside the batch, each part needs its own frame.
                match frame.take().filter(|_| count == batch.num_rows()) {
                    Some(frame) => row_groups.add_rows(&frame)?,
                    None => row_groups.add_rows(&SpillFrame::encode(&part)?)?,
                }
            }
            self.group.write(&part)?;
            if self.group.in_progress_rows() == GROUP_ROWS || self.group.in_progress_size() >= GROUP_BYTES {
                self.end_group()?;
            }
        }
        Ok(())
    }

    /// Chooses the encodings of a row group by its first rows. Starts another group if these rows are the first large ones of the
    /// incomplete one.
    fn prepare_group(&mut self, rows: &RecordBatch) -> std::result::Result<(), FormatError> {
        if self.has_large_rows {
            return Ok(());
        }
        let mut properties = self.properties.clone().into_builder();
        if columns_bytes(rows.columns()) >= LARGE_ROW as usize && max_row_bytes(rows) >= LARGE_ROW {
            if self.group.in_progress_rows() > 0 {
                self.end_group()?;
            }
            properties = properties.set_dictionary_enabled(false).set_statistics_enabled(EnabledStatistics::None);
            self.has_large_rows = true;
        } else if self.group.in_progress_rows() == 0 {
            for column in columns_without_repetition(rows) {
                properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
            }
        } else {
            return Ok(());
        }
        self.group = new_group(&self.schema, &self.descriptor, &properties.build())?;
        Ok(())
    }

    fn end_group(&mut self) -> std::result::Result<(), FormatError> {
        let next = new_group(&self.schema, &self.descriptor, &self.properties)?;
        let group = RowGroup::from_file(std::mem::replace(&mut self.group, next).into_inner()?)?;
        self.has_large_rows = false;
        append(&mut self.out, &group)?;
        if let Some(row_groups) = &mut self.row_groups {
            row_groups.add_group(&group)?;
        }
        Ok(())
    }

    /// Flushes the output to the operating system, and writes the files next to it.
    pub(super) fn checkpoint(&mut self, durability: Durability) -> std::result::Result<SyncedLength, FormatError> {
        self.out.flush()?;
        let groups = self.row_groups.as_mut().map(|groups| groups.checkpoint(durability)).transpose()?;
        Ok(SyncedLength { length: self.out.bytes_written() as u64, groups })
    }

    /// Removes saved rows that only an earlier checkpoint needed.
    pub(super) fn checkpoint_saved(&mut self) {
        if let Some(row_groups) = &mut self.row_groups {
            row_groups.checkpoint_saved();
        }
    }

    /// Writes the last row group and the footer.
    pub(super) fn write_end(&mut self) -> std::result::Result<(), FormatError> {
        if self.group.in_progress_rows() > 0 {
            self.end_group()?;
        }
        self.out.finish()?;
        Ok(())
    }

    pub(super) fn output(&mut self) -> &mut OutputFile {
        &mut self.out.inner_mut().out
    }
}

/// Returns the metadata of the rows for the footer. Other programs do not look for it in the Arrow schema, where it is as well.
fn key_values(schema: &Schema) -> Option<Vec<KeyValue>> {
    let pairs = schema.metadata().iter();
    let pairs: Vec<_> = pairs.map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    (!pairs.is_empty()).then_some(pairs)
}

/// Starts a row group.
fn new_group(
    written: &SchemaRef,
    descriptor: &SchemaDescriptor,
    properties: &WriterProperties,
) -> Result<ArrowWriter<Vec<u8>>> {
    let options = ArrowWriterOptions::new().with_properties(properties.clone()).with_parquet_schema(descriptor.clone());
    ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(written), options)
}

/// Returns the columns of a sink in Parquet's types. Intervals have Arrow's type here, from which the library makes Parquet's; the
/// rows have their bytes.
fn descriptor(schema: &Schema) -> Result<SchemaDescriptor> {
    let fields = schema.fields().iter().map(|field| parquet_field(field, IntervalForm::Type));
    let fields = fields.collect::<std::result::Result<Vec<_>, _>>();
    let fields = fields.map_err(|error| ParquetError::External(Box::new(error)))?;
    ArrowSchemaConverter::new().convert(&Schema::new(fields))
}

/// Checks that the library can write every column.
///
/// # Errors
/// It cannot. The first such column is reported.
pub(super) fn check_schema(output: &Arc<str>, schema: &Schema) -> std::result::Result<(), SinkError> {
    for field in schema.fields() {
        let converted = caught(|| descriptor(&Schema::new(vec![Arc::clone(field)])));
        let reason = match converted {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "has no Parquet type".to_owned(),
        };
        let source = Unsupported::new(field.data_type(), reason);
        let (column, data_type) = (field.name().clone(), field.data_type().to_string());
        return Err(SinkError::new(output, SinkErrorKind::Type { column, data_type, format: Format::Parquet, source }));
    }
    Ok(())
}

/// A row group as a file of its own. When a run is resumed, the data before the footer is not read again, and zeros
/// stand for it.
pub(super) struct RowGroup {
    /// Bytes before the footer.
    data: u64,
    bytes: Option<Bytes>,
    /// The bytes after the columns: indexes and footer.
    end: Bytes,
    metadata: ParquetMetaData,
}

impl RowGroup {
    /// Creates a group from a small file that was just encoded.
    fn from_file(file: Vec<u8>) -> Result<Self> {
        let bytes = Bytes::from(file);
        let metadata = metadata(&bytes)?;
        let columns = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
        let data =
            columns.map(ColumnChunkMetaData::byte_range).map(|(start, length)| start + length).max().unwrap_or(4);
        let end = bytes.slice(data as usize..);
        Ok(Self { data, bytes: Some(bytes), end, metadata })
    }

    /// Creates a group from the saved end of a small file.
    fn from_end(data: u64, end: Bytes) -> Result<Self> {
        let metadata = metadata(&SparseFile { data, end: end.clone() })?;
        Ok(Self { data, bytes: None, end, metadata })
    }
}

fn metadata(file: &impl ChunkReader) -> Result<ParquetMetaData> {
    ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional).parse_and_finish(file)
}

/// Appends a row group to the output.
fn append<W: Write + Send>(out: &mut SerializedFileWriter<W>, group: &RowGroup) -> Result<()> {
    let sparse = SparseFile { data: group.data, end: group.end.clone() };
    for (number, rows) in group.metadata.row_groups().iter().enumerate() {
        let pages = group.metadata.page_index_for_row_group(number);
        let mut copy = out.next_row_group()?;
        for (index, column) in rows.columns().iter().enumerate() {
            let close = ColumnCloseResult {
                bytes_written: column.compressed_size() as u64,
                rows_written: rows.num_rows() as u64,
                metadata: column.clone(),
                bloom_filter: None,
                column_index: pages.column_index(index).cloned(),
                offset_index: pages.offset_index(index).cloned(),
            };
            match &group.bytes {
                Some(bytes) => copy.append_column(bytes, close)?,
                None => copy.append_column(&sparse, close)?,
            }
        }
        copy.close()?;
    }
    Ok(())
}

/// A file that starts with zeros in place of its data.
struct SparseFile {
    data: u64,
    end: Bytes,
}

impl Length for SparseFile {
    fn len(&self) -> u64 {
        self.data + self.end.len() as u64
    }
}

impl ChunkReader for SparseFile {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let zeros = io::repeat(0).take(self.data.saturating_sub(start));
        let skipped = start.saturating_sub(self.data).min(self.end.len() as u64);
        Ok(Box::new(zeros.chain(io::Cursor::new(self.end.slice(skipped as usize..)))))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let at = start.checked_sub(self.data).map(|at| at as usize);
        match at.and_then(|at| Some(at..at.checked_add(length)?)) {
            Some(range) if range.end <= self.end.len() => Ok(self.end.slice(range)),
            _ => Err(ParquetError::General("the end of a row group is corrupt".into())),
        }
    }
}

/// An output whose first bytes are written already. The same bytes are skipped when they are written again.
struct SkipWritten<W> {
    out: W,
    skip: u64,
}

impl<W: Write> Write for SkipWritten<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.skip == 0 {
            return self.out.write(bytes);
        }
        let there = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= there as u64;
        Ok(there)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
