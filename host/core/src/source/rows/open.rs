//! Opens one file of a binary format.

use std::error::Error;
use std::io::{BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::super::error::{SourceError, SourceErrorKind};
use super::super::files::InputFile;
use super::unreadable;
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
    let failed = |source: parquet::errors::ParquetError| unreadable(file, Format::Parquet, source.into());
    let builder = ParquetRecordBatchReaderBuilder::try_new(input).map_err(failed)?.with_batch_size(batch_rows.max(1));
    let total_rows = builder.metadata().file_metadata().num_rows().max(0) as u64;
    let schema = Arc::clone(builder.schema());
    let batches = builder.build().map_err(failed)?.map(|batch| batch.map_err(Into::into));
    Ok(OpenRows { schema, batches: Box::new(batches), total_rows: Some(total_rows), bytes })
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
