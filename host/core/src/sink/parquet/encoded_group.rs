//! An encoded row group, and how it is appended to the output.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};

use crate::source::CopiedChunk;

/// A row group as a file of its own. When a run is resumed, the data before the footer is not read again, and zeros
/// stand for it.
pub(super) struct RowGroup {
    /// Bytes before the footer.
    pub(super) data: u64,
    /// The data of each column, unless it is written already.
    columns: Vec<ColumnData>,
    /// The bytes after the columns: indexes and footer.
    pub(super) end: Bytes,
    metadata: ParquetMetaData,
}

/// A column chunk of a row group.
pub(super) struct ColumnChunk {
    data: ColumnData,
    close: ColumnCloseResult,
}

/// The bytes of a column chunk. They are read from the first one, wherever they are in another file.
enum ColumnData {
    Encoded(Bytes),
    Copied(Arc<CopiedChunk>),
    /// A range of a temporary file.
    OnDisk {
        file: Arc<File>,
        start: u64,
        length: u64,
    },
    /// Zeros in place of this many bytes.
    Written(u64),
}

impl RowGroup {
    /// Creates a group from a small file that was just encoded.
    pub(super) fn from_file(file: Vec<u8>) -> Result<Self> {
        let bytes = Bytes::from(file);
        let metadata = metadata(&bytes)?;
        let data = chunks(&metadata).map(end_of).max().unwrap_or(4);
        let end = bytes.slice(data as usize..);
        let columns = chunks(&metadata).map(|chunk| ColumnData::encoded(&bytes, chunk)).collect();
        Ok(Self { data, columns, end, metadata })
    }

    /// Creates a group from its columns.
    pub(super) fn from_columns(columns: Vec<ColumnChunk>, types: &SchemaDescriptor) -> Result<Self> {
        let properties = Arc::new(WriterProperties::builder().build());
        let mut file = SerializedFileWriter::new(FileEnd::default(), types.root_schema_ptr(), properties)?;
        let mut group = file.next_row_group()?;
        for column in &columns {
            let length = column.close.metadata.compressed_size().cast_unsigned();
            group.append_column(&ColumnData::Written(length), column.close.clone())?;
        }
        group.close()?;
        file.flush()?;
        let data = file.bytes_written() as u64;
        file.inner_mut().is_kept = true;
        file.finish()?;
        let end = Bytes::from(std::mem::take(&mut file.inner_mut().bytes));
        let columns = columns.into_iter().map(|column| column.data).collect();
        Ok(Self { columns, ..Self::from_end(data, end)? })
    }

    /// Creates a group from the saved end of a small file.
    pub(super) fn from_end(data: u64, end: Bytes) -> Result<Self> {
        let metadata = metadata(&SparseFile { data, end: end.clone() })?;
        Ok(Self { data, columns: Vec::new(), end, metadata })
    }
}

impl ColumnChunk {
    /// Creates a chunk that is copied from an input. `column` describes it in the output.
    pub(super) fn copied(chunk: CopiedChunk, column: ColumnDescPtr, rows: u64) -> Result<Self> {
        let from = chunk.metadata();
        let mut metadata = ColumnChunkMetaData::builder(column)
            .set_compression_codec(from.compression_codec())
            .set_encodings_mask(*from.encodings_mask())
            .set_total_compressed_size(from.compressed_size())
            .set_total_uncompressed_size(from.uncompressed_size())
            .set_num_values(from.num_values())
            .set_data_page_offset(from.data_page_offset())
            .set_dictionary_page_offset(from.dictionary_page_offset())
            .set_unencoded_byte_array_data_bytes(from.unencoded_byte_array_data_bytes())
            .set_repetition_level_histogram(from.repetition_level_histogram().cloned())
            .set_definition_level_histogram(from.definition_level_histogram().cloned());
        if let Some(statistics) = from.statistics().filter(|_| chunk.has_statistics()) {
            metadata = metadata.set_statistics(statistics.clone());
        }
        if let Some(encodings) = from.page_encoding_stats() {
            metadata = metadata.set_page_encoding_stats(encodings.clone());
        }
        let close = ColumnCloseResult {
            bytes_written: from.compressed_size().cast_unsigned(),
            rows_written: rows,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok(Self { data: ColumnData::Copied(Arc::new(chunk)), close })
    }
}

/// Returns the column chunks of a small file by the index of their column.
pub(super) fn chunks_by_column(file: &Bytes) -> Result<Vec<Vec<ColumnChunk>>> {
    chunks_of(file, |chunk| ColumnData::encoded(file, chunk))
}

/// As [`chunks_by_column`], with the data in a temporary file.
pub(super) fn chunks_on_disk(bytes: &[u8]) -> Result<Vec<Vec<ColumnChunk>>> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    let file = Arc::new(file);
    chunks_of(&*file, |chunk| {
        let (start, length) = chunk.byte_range();
        ColumnData::OnDisk { file: Arc::clone(&file), start, length }
    })
}

fn chunks_of(
    file: &impl ChunkReader,
    data: impl Fn(&ColumnChunkMetaData) -> ColumnData,
) -> Result<Vec<Vec<ColumnChunk>>> {
    let metadata = metadata(file)?;
    let types = metadata.file_metadata().schema_descr();
    let mut columns: Vec<Vec<ColumnChunk>> = Vec::new();
    columns.resize_with(types.root_schema().get_fields().len(), Vec::new);
    for (group, rows) in metadata.row_groups().iter().enumerate() {
        for (index, chunk) in rows.columns().iter().enumerate() {
            let close = close_result(&metadata, (group, index), rows);
            let data = data(chunk);
            columns[types.get_column_root_idx(index)].push(ColumnChunk { data, close });
        }
    }
    Ok(columns)
}

/// Appends a row group to the output.
pub(super) fn append<W: Write + Send>(out: &mut SerializedFileWriter<W>, group: &RowGroup) -> Result<()> {
    for (number, rows) in group.metadata.row_groups().iter().enumerate() {
        let mut copy = out.next_row_group()?;
        for (index, column) in rows.columns().iter().enumerate() {
            let close = close_result(&group.metadata, (number, index), rows);
            match group.columns.get(index) {
                Some(data) => copy.append_column(data, close)?,
                None => copy.append_column(&ColumnData::Written(column.compressed_size().cast_unsigned()), close)?,
            }
        }
        copy.close()?;
    }
    Ok(())
}

fn close_result(
    metadata: &ParquetMetaData,
    (group, index): (usize, usize),
    rows: &RowGroupMetaData,
) -> ColumnCloseResult {
    let pages = metadata.page_index_for_row_group(group);
    let column = rows.column(index);
    ColumnCloseResult {
        bytes_written: column.compressed_size() as u64,
        rows_written: rows.num_rows() as u64,
        metadata: column.clone(),
        bloom_filter: None,
        column_index: pages.column_index(index).cloned(),
        offset_index: pages.offset_index(index).cloned(),
    }
}

fn chunks(metadata: &ParquetMetaData) -> impl Iterator<Item = &ColumnChunkMetaData> {
    metadata.row_groups().iter().flat_map(RowGroupMetaData::columns)
}

fn end_of(chunk: &ColumnChunkMetaData) -> u64 {
    let (start, length) = chunk.byte_range();
    start + length
}

pub(super) fn metadata(file: &impl ChunkReader) -> Result<ParquetMetaData> {
    ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional).parse_and_finish(file)
}

impl ColumnData {
    /// Returns the bytes of a chunk of a small file.
    fn encoded(file: &Bytes, chunk: &ColumnChunkMetaData) -> Self {
        Self::Encoded(file.slice(chunk.byte_range().0 as usize..end_of(chunk) as usize))
    }
}

impl Length for ColumnData {
    fn len(&self) -> u64 {
        match self {
            Self::Encoded(bytes) => bytes.len() as u64,
            Self::Copied(chunk) => chunk.metadata().byte_range().1,
            Self::OnDisk { length: bytes, .. } | Self::Written(bytes) => *bytes,
        }
    }
}

impl ChunkReader for ColumnData {
    type T = Box<dyn Read>;

    fn get_read(&self, _start: u64) -> Result<Self::T> {
        Ok(match self {
            Self::Encoded(bytes) => Box::new(io::Cursor::new(bytes.clone())),
            Self::Copied(chunk) => Box::new(chunk.read()),
            Self::OnDisk { file, start, length } => Box::new(file.get_read(*start)?.take(*length)),
            Self::Written(bytes) => Box::new(io::repeat(0).take(*bytes)),
        })
    }

    fn get_bytes(&self, _start: u64, _length: usize) -> Result<Bytes> {
        Err(ParquetError::General("a column chunk is only read as a whole".into()))
    }
}

/// Keeps the bytes of a small file after its columns.
#[derive(Default)]
struct FileEnd {
    is_kept: bool,
    bytes: Vec<u8>,
}

impl Write for FileEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_kept {
            self.bytes.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, RecordBatch, StringArray};
    use parquet::arrow::arrow_writer::ArrowWriter;

    use super::*;

    #[test]
    fn chunks_on_disk_are_those_in_memory() {
        let numbers = Int64Array::from_iter_values(0..1000);
        let texts: StringArray = (0..1000).map(|row| Some(format!("text {row}"))).collect();
        let rows = RecordBatch::try_from_iter([("n", Arc::new(numbers) as _), ("t", Arc::new(texts) as _)]).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        let file = writer.into_inner().unwrap();
        let parts = |columns: Vec<Vec<ColumnChunk>>| -> Vec<(Vec<u8>, i64)> {
            let chunks = columns.into_iter().flatten().map(|chunk| {
                let mut bytes = Vec::new();
                chunk.data.get_read(0).unwrap().read_to_end(&mut bytes).unwrap();
                assert_eq!(chunk.data.len(), bytes.len() as u64);
                (bytes, chunk.close.metadata.num_values())
            });
            chunks.collect()
        };
        let on_disk = parts(chunks_on_disk(&file).unwrap());
        assert_eq!(on_disk.len(), 2);
        assert_eq!(on_disk, parts(chunks_by_column(&file.into()).unwrap()));
    }
}
