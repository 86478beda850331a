//! Opens one file of a binary format.

use std::error::Error;
use std::io::{BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::super::error::{SourceError, SourceErrorKind};
use super::super::files::InputFile;
use super::unreadable;
use super::wide::WideColumns;
use crate::format::{Compression, Format};

/// The first bytes of the Arrow IPC file format. The stream format has no magic number.
const FILE_MAGIC: &[u8] = b"ARROW1";

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, Box<dyn Error + Send + Sync>>> + Send>;

/// An open file whose schema is read.
pub(super) struct OpenRows {
    /// The file's schema.
    pub(super) schema: SchemaRef,
    /// The rows in order, in batches of any size.
    pub(super) batches: Batches,
    /// Number of rows, if the format states it. The bytes read are then not counted.
    pub(super) total_rows: Option<u64>,
    /// The file's size, if `total_rows` is known.
    pub(super) bytes: u64,
}

/// Opens a file. Adds the bytes read of Arrow IPC to `count`.
pub(super) fn open(
    file: &InputFile,
    format: Format,
    batch_rows: usize,
    count: &Arc<AtomicU64>,
) -> Result<OpenRows, SourceError> {
    if format == Format::Parquet { open_parquet(file, batch_rows) } else { open_arrow(file, count) }
}

fn open_parquet(file: &InputFile, batch_rows: usize) -> Result<OpenRows, SourceError> {
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
    let failed = |source: ParquetError| unreadable(file, Format::Parquet, source.into());
    let metadata = ArrowReaderMetadata::load(&input, ArrowReaderOptions::new()).map_err(failed)?;
    let total_rows = Some(row_count(file, metadata.metadata())?);
    let batch_rows = batch_rows.max(1);
    let Some(mut wide) = WideColumns::new(&metadata) else {
        let schema = Arc::clone(metadata.schema());
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(input, metadata).with_batch_size(batch_rows);
        let batches = builder.build().map_err(failed)?.map(|batch| batch.map_err(Into::into));
        return Ok(OpenRows { schema, batches: Box::new(batches), total_rows, bytes });
    };
    // A second handle, because clones of one share their position.
    let again = || match file.open_seekable(&Arc::default())? {
        Some(input) => Ok(input.into_inner()),
        None => Err(file.io("read", std::io::ErrorKind::NotSeekable.into())),
    };
    wide.sample(again()?, again()?, &metadata).map_err(failed)?;
    let schema = wide.schema();
    let (low, high) = wide.readers((input, again()?), &metadata, batch_rows).map_err(failed)?;
    let batches = low.zip(high).map(move |(low, high)| Ok(wide.combine(&low?, &high?)?));
    Ok(OpenRows { schema, batches: Box::new(batches), total_rows, bytes })
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

fn open_arrow(file: &InputFile, count: &Arc<AtomicU64>) -> Result<OpenRows, SourceError> {
    let mut magic = [0; FILE_MAGIC.len()];
    let mut input = file.open(count)?;
    // A pipe cannot be rewound, so the bytes read here are put in front of the remaining ones.
    let read = read_up_to(&mut input, &mut magic).map_err(|source| file.io("read", source))?;
    let failed = |source: arrow_schema::ArrowError| unreadable(file, Format::Arrow, source.into());
    if magic[..read] == *FILE_MAGIC {
        drop(input);
        let Some(input) = file.open_seekable(count)? else {
            let what = "the file format of Arrow IPC";
            let advice = "it has its index at the end; use its stream format here";
            return Err(SourceError::in_file(&file.name, SourceErrorKind::NeedsFile { what, advice }));
        };
        let reader = FileReader::try_new(BufReader::new(input), None).map_err(failed)?;
        let schema = reader.schema();
        let batches = reader.map(|batch| batch.map_err(Into::into));
        return Ok(OpenRows { schema, batches: Box::new(batches), total_rows: None, bytes: 0 });
    }
    let start = std::io::Cursor::new(magic[..read].to_vec());
    let reader = StreamReader::try_new(BufReader::new(start.chain(input)), None).map_err(failed)?;
    let schema = reader.schema();
    let batches = reader.map(|batch| batch.map_err(Into::into));
    Ok(OpenRows { schema, batches: Box::new(batches), total_rows: None, bytes: 0 })
}

/// Fills the buffer as far as possible, and returns the number of bytes read.
fn read_up_to(input: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
