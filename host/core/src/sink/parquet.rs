//! Writes Parquet, one row group at a time.
//!
//! A row group is encoded in memory as a small file of its own, and then copied to the output, together with its entry
//! in the small file's footer. This makes the output resumable. Two files next to it hold what its own footer will
//! need: the entries of complete row groups (`NAME.groups`), and the rows of the incomplete group (`NAME.N.rows`),
//! because a group can only be written as a whole. A resumed run encodes these rows again, from the same batches and to
//! the same bytes.

mod carried_columns;
mod carried_group;
mod distinct;
mod encoded_group;
mod late;
mod layout;
mod row_group;

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
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
use crate::values::{Unsupported, parquet_descriptor};
use crate::writeback::Durability;
use carried_columns::SinkColumns;
use carried_group::CarriedGroup;
use distinct::columns_without_repetition;
use encoded_group::{RowGroup, append, metadata};
pub(super) use layout::CarriedLayout;
pub(crate) use layout::SinkCarried;
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
    /// The columns of the sink.
    schema: SchemaRef,
    /// The same as they are written.
    written: SchemaRef,
    /// The schema in Parquet's types.
    descriptor: SchemaDescriptor,
    properties: WriterProperties,
    /// The columns that may be carried, if there are any.
    carried: Option<Arc<CarriedLayout>>,
    /// The incomplete row group.
    group: OpenGroup,
    /// The files that make the output resumable.
    row_groups: Option<RowGroupStore>,
}

/// An incomplete row group.
#[derive(Default)]
struct OpenGroup {
    /// The columns that are not carried. `None` without rows, and if all columns are carried.
    columns: Option<ArrowWriter<Vec<u8>>>,
    /// The number of rows.
    rows: usize,
    /// Whether it has neither dictionaries nor statistics, from its first large row on.
    has_large_rows: bool,
    /// The positions of the carried columns, if the rows have any.
    carried: Option<CarriedGroup>,
}

impl ParquetOutput {
    /// Starts a file, or resumes one.
    ///
    /// `schema` is that of the sink, `written` that of the rows.
    pub(super) fn open(
        out: OutputFile,
        schema: &SchemaRef,
        written: &SchemaRef,
        (staging, carried): (Option<&StagingDir<'_>>, Option<Arc<CarriedLayout>>),
    ) -> std::result::Result<Self, FormatError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(None)
            .set_max_row_group_bytes(None)
            .set_key_value_metadata(key_values(schema))
            .build();
        let descriptor = parquet_descriptor(schema)?;
        // The schema and metadata for the footer are taken from a small file without rows.
        let empty = Bytes::from(new_group(written, &descriptor, &properties)?.into_inner()?);
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
            schema: Arc::clone(schema),
            written: Arc::clone(written),
            descriptor,
            properties,
            carried,
            group: OpenGroup::default(),
            row_groups,
        };
        if let Some(synced) = synced {
            file.resume(*synced)?;
        }
        Ok(file)
    }

    /// Continues after the groups and rows of a checkpoint.
    fn resume(&mut self, synced: SyncedLength) -> std::result::Result<(), FormatError> {
        let Some(row_groups) = &mut self.row_groups else { return Ok(()) };
        for group in row_groups.groups()? {
            append(&mut self.out, &group)?;
        }
        let corrupt = row_groups.corrupt();
        if self.out.bytes_written() as u64 != synced.length {
            return Err(corrupt.into());
        }
        for batch in row_groups.rows()? {
            let batch = batch?;
            self.start_kind(&batch)?;
            // The rows of an incomplete group do not end it.
            if self.start_part(&batch)? != batch.num_rows() {
                return Err(corrupt.into());
            }
            self.write_part(&batch)?;
        }
        Ok(())
    }

    /// Returns whether columns may be carried.
    pub(super) fn has_carried(&self) -> bool {
        self.carried.is_some()
    }

    /// Writes rows. `frame` has the same rows, if they were encoded for saving already.
    pub(super) fn write(
        &mut self,
        batch: &RecordBatch,
        mut frame: Option<SpillFrame>,
    ) -> std::result::Result<(), FormatError> {
        self.start_kind(batch)?;
        let mut start = 0;
        while start < batch.num_rows() {
            let rest = batch.slice(start, batch.num_rows() - start);
            let count = self.start_part(&rest)?;
            if count == 0 {
                self.end_group()?;
                continue;
            }
            let part = rest.slice(0, count);
            start += count;
            if let Some(row_groups) = &mut self.row_groups {
                // The frame has all rows of the batch. If a group ends inside the batch, each part needs its own frame.
                match frame.take().filter(|_| count == batch.num_rows()) {
                    Some(frame) => row_groups.add_rows(&frame)?,
                    None => row_groups.add_rows(&SpillFrame::encode(&part)?)?,
                }
            }
            self.write_part(&part)?;
            if self.group.is_full() || count < rest.num_rows() {
                self.end_group()?;
            }
        }
        Ok(())
    }

    /// Prepares the incomplete row group for rows with positions or without. A group has rows of one kind.
    fn start_kind(&mut self, rows: &RecordBatch) -> std::result::Result<(), FormatError> {
        let layout = self.carried.clone().filter(|layout| layout.has_positions(rows));
        if self.group.rows > 0 && self.group.carried.is_some() != layout.is_some() {
            self.end_group()?;
        }
        if self.group.rows == 0 {
            self.group.carried = layout.as_ref().map(CarriedGroup::new);
        }
        Ok(())
    }

    /// Returns how many of these rows the incomplete group takes, and prepares it for them. 0 if it ends before them.
    fn start_part(&mut self, rows: &RecordBatch) -> std::result::Result<usize, FormatError> {
        let Some(carried) = &self.group.carried else {
            let part = rows.slice(0, rows.num_rows().min(GROUP_ROWS - self.group.rows));
            self.prepare_group(&part)?;
            return Ok(part.num_rows());
        };
        let others = carried.layout.others_of(rows)?;
        self.prepare_group(&others)?;
        let Some(carried) = &mut self.group.carried else { return Ok(0) };
        Ok(carried.add(rows)?)
    }

    /// Adds rows to the incomplete group, after [`start_part`](Self::start_part).
    fn write_part(&mut self, part: &RecordBatch) -> std::result::Result<(), FormatError> {
        self.group.rows += part.num_rows();
        let Some(columns) = &mut self.group.columns else { return Ok(()) };
        match &self.group.carried {
            Some(carried) => columns.write(&carried.layout.others_of(part)?)?,
            None => columns.write(part)?,
        }
        Ok(())
    }

    /// Chooses the encodings of a row group by its first rows. Starts another group if these rows are the first large ones of the
    /// incomplete one.
    fn prepare_group(&mut self, rows: &RecordBatch) -> std::result::Result<(), FormatError> {
        if self.group.has_large_rows {
            return Ok(());
        }
        let is_large = has_large_row(rows);
        if is_large && self.group.rows > 0 {
            self.end_group()?;
        }
        if self.group.rows > 0 {
            return Ok(());
        }
        self.group.has_large_rows = is_large;
        let properties = group_properties(rows, is_large, &self.properties).build();
        let layout = self.group.carried.as_ref().map(|carried| &carried.layout);
        let (schema, types) =
            layout.map_or((&self.written, &self.descriptor), |layout| (&layout.others, &layout.other_types));
        let is_empty = schema.fields().is_empty() && layout.is_some();
        self.group.columns = (!is_empty).then(|| new_group(schema, types, &properties)).transpose()?;
        Ok(())
    }

    fn end_group(&mut self) -> std::result::Result<(), FormatError> {
        // The next group has rows of the same kind, unless `start_kind` says otherwise.
        let next = OpenGroup {
            carried: self.group.carried.as_ref().map(|carried| CarriedGroup::new(&carried.layout)),
            ..OpenGroup::default()
        };
        let group = std::mem::replace(&mut self.group, next);
        let file = group.columns.map(ArrowWriter::into_inner).transpose()?;
        let group = match &group.carried {
            None => RowGroup::from_file(file.expect("a group without carried columns has a file"))?,
            Some(carried) => {
                let sink = SinkColumns { schema: &self.schema, written: &self.written, types: self.out.schema_descr() };
                sink.with_carried(carried, file, &self.properties)?
            }
        };
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
        if self.group.rows > 0 {
            self.end_group()?;
        }
        self.out.finish()?;
        Ok(())
    }

    pub(super) fn output(&mut self) -> &mut OutputFile {
        &mut self.out.inner_mut().out
    }
}

impl OpenGroup {
    fn is_full(&self) -> bool {
        let is_full = match &self.carried {
            Some(carried) => carried.is_full(),
            None => self.rows >= GROUP_ROWS,
        };
        is_full || self.columns.as_ref().is_some_and(|columns| columns.in_progress_size() >= GROUP_BYTES)
    }
}

fn has_large_row(rows: &RecordBatch) -> bool {
    columns_bytes(rows.columns()) >= LARGE_ROW as usize && max_row_bytes(rows) >= LARGE_ROW
}

/// Returns the properties of a group that starts with these rows. `is_large` is whether one of them is large.
fn group_properties(rows: &RecordBatch, is_large: bool, properties: &WriterProperties) -> WriterPropertiesBuilder {
    let mut properties = properties.clone().into_builder();
    if is_large {
        return properties.set_dictionary_enabled(false).set_statistics_enabled(EnabledStatistics::None);
    }
    for column in columns_without_repetition(rows) {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    properties
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

/// Checks that the library can write every column.
///
/// # Errors
/// It cannot. The first such column is reported.
pub(super) fn check_schema(output: &Arc<str>, schema: &Schema) -> std::result::Result<(), SinkError> {
    for field in schema.fields() {
        let converted = caught(|| parquet_descriptor(&Schema::new(vec![Arc::clone(field)])));
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
