//! Parquet, one row group after the other.
//!
//! A row group is made in memory, as a small file of its own, and then copied behind those before it, with what the small
//! file's end says of it. So the file can be gone on with: what its own end will say of the row groups in it is kept
//! beside it (`NAME.groups`), and so are the rows of the group that is not complete (`NAME.N.rows`), because a group can
//! only be written as a whole. They are made again from the same batches, and have the same bytes.

mod row_group;

use std::io::{self, Read, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::writer::SerializedFileWriter;

use super::output::OutputFile;
use super::synced::{StagingDir, SyncedLength};
use super::writer::FormatError;
use crate::spill::SpillFrame;
use row_group::RowGroupStore;

/// Rows in a row group.
const GROUP_ROWS: usize = 1 << 17;

/// Bytes in a row group, about. The group that is being made is in memory.
const GROUP_BYTES: usize = 32 << 20;

/// A file that is being written.
pub(super) struct ParquetFile {
    out: SerializedFileWriter<SkipWritten<OutputFile>>,
    schema: SchemaRef,
    properties: WriterProperties,
    /// The row group that is being made.
    group: ArrowWriter<Vec<u8>>,
    /// What is kept beside the file.
    row_groups: Option<RowGroupStore>,
}

impl ParquetFile {
    /// Begins a file, or goes on with one.
    pub(super) fn open(
        out: OutputFile,
        schema: &SchemaRef,
        staging: Option<&StagingDir<'_>>,
    ) -> std::result::Result<Self, FormatError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(None)
            .set_max_row_group_bytes(None)
            .build();
        let group = || ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties.clone()));
        // What the end of a file says of all of it stands in one without rows, too.
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
        let mut file =
            Self { out, schema: Arc::clone(schema), properties: properties.clone(), group: group()?, row_groups };
        if let (Some(synced), Some(row_groups)) = (synced, &mut file.row_groups) {
            for group in row_groups.groups()? {
                append(&mut file.out, &group)?;
            }
            if file.out.bytes_written() as u64 != synced.length {
                return Err(row_groups.corrupt().into());
            }
            let rows = &mut file.group;
            row_groups.rows(|batch| Ok(rows.write(batch)?))?;
        }
        Ok(file)
    }

    /// Writes rows, of which there may be a frame already.
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
            if let Some(row_groups) = &mut self.row_groups {
                // The frame has all rows of the batch; where a group ends within it, each part needs one of its own.
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

    fn end_group(&mut self) -> std::result::Result<(), FormatError> {
        let next = ArrowWriter::try_new(Vec::new(), Arc::clone(&self.schema), Some(self.properties.clone()))?;
        let group = RowGroup::from_file(std::mem::replace(&mut self.group, next).into_inner()?)?;
        append(&mut self.out, &group)?;
        if let Some(row_groups) = &mut self.row_groups {
            row_groups.add_group(&group)?;
        }
        Ok(())
    }

    /// Hands all that was written to the operating system, and what is beside the file to the disk.
    pub(super) fn checkpoint(&mut self) -> std::result::Result<SyncedLength, FormatError> {
        self.out.flush()?;
        let groups = self.row_groups.as_mut().map(RowGroupStore::checkpoint).transpose()?;
        Ok(SyncedLength { length: self.out.bytes_written() as u64, groups })
    }

    /// The last checkpoint holds, so what an earlier one needed can go.
    pub(super) fn checkpoint_saved(&mut self) {
        if let Some(row_groups) = &mut self.row_groups {
            row_groups.checkpoint_saved();
        }
    }

    /// Writes what is left.
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

/// A row group in a file of its own. What is between its first four bytes and its end may be missing: then zeros stand
/// for it.
pub(super) struct RowGroup {
    /// Bytes before the end.
    data: u64,
    bytes: Option<Bytes>,
    /// Everything behind the columns.
    end: Bytes,
    metadata: ParquetMetaData,
}

impl RowGroup {
    /// A group that was just made.
    fn from_file(file: Vec<u8>) -> Result<Self> {
        let bytes = Bytes::from(file);
        let metadata = metadata(&bytes)?;
        let columns = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
        let data =
            columns.map(ColumnChunkMetaData::byte_range).map(|(start, length)| start + length).max().unwrap_or(4);
        let end = bytes.slice(data as usize..);
        Ok(Self { data, bytes: Some(bytes), end, metadata })
    }

    /// A group of which the end is left.
    fn from_end(data: u64, end: Bytes) -> Result<Self> {
        let metadata = metadata(&SparseFile { data, end: end.clone() })?;
        Ok(Self { data, bytes: None, end, metadata })
    }
}

fn metadata(file: &impl ChunkReader) -> Result<ParquetMetaData> {
    ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional).parse_and_finish(file)
}

/// Copies a row group behind those that are there.
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

/// A file that begins with zeros.
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
            _ => Err(ParquetError::General("the end of a row group is damaged".into())),
        }
    }
}

/// An output of which so many bytes are there already; the first that are written are these.
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
