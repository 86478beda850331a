//! Checks the header of each page before the library reads the page: the library allocates as much memory as the header
//! claims, and decompresses as much as comes.
//!
//! It also bounds the memory for values. Values that repeat take no room in a file, in any number: a page of some bytes can have a
//! list of a billion numbers, or a thousand texts that begin with the same megabyte.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use parquet::basic::{Compression, Encoding, Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::ColumnDescriptor;

use super::page_header::PageHeader;
use crate::os;
use crate::source::row_limits::{RowLimits, TooLarge};

/// Bytes that are read for a header at first. Most headers have some dozen bytes, those with statistics more.
const HEADER_BYTES: usize = 1 << 10;
/// The largest header.
const MAX_HEADER_BYTES: usize = 16 << 20;
/// Bytes that a page may have more than its compression allows, for headers of the compression.
const SLACK: u64 = 1 << 10;
/// Bytes of a value of variable length in memory, without its content.
const VIEW_BYTES: u64 = 16;
/// Bytes of the levels of a value in a nested column.
const LEVEL_BYTES: u64 = 4;
/// The number of the encoding `DELTA_BYTE_ARRAY` in a header.
const DELTA_BYTE_ARRAY: i64 = 7;
/// Rows that are read at once if a column has texts that may begin with the text before them, so that pages of usual sizes fit
/// into the limits.
pub(super) const ROWS_WITH_PREFIXES: usize = 64;

/// A file whose pages are checked when the library reads them.
#[derive(Debug)]
pub(super) struct CheckedFile {
    file: Arc<File>,
    length: u64,
    limits: RowLimits,
    usage: Arc<Mutex<Usage>>,
}

/// A column chunk, which is a column of a row group, as the library reads it.
#[derive(Debug)]
pub(super) struct CheckedChunk {
    file: Arc<CheckedFile>,
    column: usize,
    compression: Compression,
    value: ValueSize,
    state: Mutex<ChunkState>,
}

#[derive(Debug, Default)]
struct ChunkState {
    /// Whether the library has read the header of the next page, and not its content.
    is_peeked: bool,
    /// The size of the page whose header was read last, after decompression.
    page: u64,
    /// The bytes of its values that were counted.
    values: u64,
}

/// The memory for values of a column.
#[derive(Debug, Clone, Copy)]
struct ValueSize {
    width: u64,
    is_nested: bool,
    /// Whether the metadata names the encoding.
    has_prefixes: bool,
}

/// The memory in use.
#[derive(Debug)]
pub(super) struct Usage {
    columns: Vec<ColumnUsage>,
    /// Bytes of the dictionaries and pages of all columns.
    pages: u64,
    /// The limit that was exceeded. The library passes on errors as text.
    exceeded: Option<TooLarge>,
}

#[derive(Debug, Clone, Copy, Default)]
struct ColumnUsage {
    /// Bytes of the dictionary, and of the page that was read last.
    dictionary: u64,
    page: u64,
    /// Bytes of the values in the pages that were read since the last reset, if they can be more than their rows suggest.
    values: u64,
}

impl Usage {
    /// Called before the next rows are read.
    pub(super) fn reset(&mut self) {
        self.columns.iter_mut().for_each(|column| column.values = 0);
    }

    /// Returns the limit that was exceeded, if the library returned an error for that reason.
    pub(super) fn exceeded(&mut self) -> Option<TooLarge> {
        self.exceeded.take()
    }
}

impl ValueSize {
    fn new(chunk: &ColumnChunkMetaData) -> Self {
        let column = chunk.column_descr();
        Self { width: value_width(column), is_nested: column.max_rep_level() > 0, has_prefixes: has_prefixes(chunk) }
    }

    /// Returns the bytes of the values of a page, if they can be more than the number of rows that are read at once suggests.
    fn bytes(self, header: &PageHeader) -> u64 {
        if header.is_dictionary {
            return 0;
        }
        let prefixes = match header.encoding {
            // Each value has at most the bytes of the page.
            DELTA_BYTE_ARRAY => header.size.saturating_mul(header.values.min(ROWS_WITH_PREFIXES as u64)),
            _ => 0,
        };
        let nested = if self.is_nested { header.values.saturating_mul(self.width + LEVEL_BYTES) } else { 0 };
        prefixes.saturating_add(nested)
    }
}

/// Returns whether texts of a column chunk may begin with the text before them.
pub(super) fn has_prefixes(chunk: &ColumnChunkMetaData) -> bool {
    chunk.encodings().any(|encoding| encoding == Encoding::DELTA_BYTE_ARRAY)
}

/// Returns the bytes that a value of a column takes, without the content of those that have a variable length.
pub(super) fn value_width(column: &ColumnDescriptor) -> u64 {
    match column.physical_type() {
        Type::BOOLEAN => 1,
        Type::INT32 | Type::FLOAT => 4,
        Type::INT64 | Type::DOUBLE => 8,
        Type::INT96 | Type::BYTE_ARRAY => VIEW_BYTES,
        Type::FIXED_LEN_BYTE_ARRAY => u64::try_from(column.type_length()).unwrap_or_default().max(VIEW_BYTES),
    }
}

impl CheckedFile {
    pub(super) fn new(file: File, length: u64, columns: usize, limits: RowLimits) -> Self {
        let usage = Usage { columns: vec![ColumnUsage::default(); columns], pages: 0, exceeded: None };
        Self { file: Arc::new(file), length, limits, usage: Arc::new(Mutex::new(usage)) }
    }

    pub(super) fn usage(&self) -> Arc<Mutex<Usage>> {
        Arc::clone(&self.usage)
    }

    pub(super) fn read_header(&self, start: u64) -> Result<PageHeader> {
        let left = usize::try_from(self.length.saturating_sub(start)).unwrap_or(usize::MAX).min(MAX_HEADER_BYTES);
        let mut wanted = HEADER_BYTES.min(left);
        loop {
            let mut bytes = vec![0; wanted];
            os::read_exact_at(&self.file, &mut bytes, start)?;
            match PageHeader::read(&bytes) {
                Some(header) => return Ok(header),
                None if wanted == left => return Err(malformed("the header of a page is malformed".into())),
                None => wanted = wanted.saturating_mul(16).min(left),
            }
        }
    }

    /// Reads bytes of the file.
    pub(super) fn read(&self, start: u64, length: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length as usize];
        os::read_exact_at(&self.file, &mut bytes, start)?;
        Ok(bytes)
    }

    /// Checks the size of a page.
    pub(super) fn check_page(&self, size: u64) -> Result<()> {
        self.limit(self.limits.check("a page", size, self.limits.block()))
    }

    /// Records a limit that was exceeded, and returns an error for the library.
    fn limit(&self, checked: std::result::Result<(), TooLarge>) -> Result<()> {
        checked.map_err(|error| {
            let text = error.to_string();
            self.usage.lock().exceeded = Some(error);
            malformed(text)
        })
    }
}

impl CheckedChunk {
    pub(super) fn new(file: &Arc<CheckedFile>, column: usize, chunk: &ColumnChunkMetaData) -> Self {
        Self {
            file: Arc::clone(file),
            column,
            compression: chunk.compression(),
            value: ValueSize::new(chunk),
            state: Mutex::default(),
        }
    }

    /// Called when the library has read the header of the next page ahead (`true`), or no longer holds it. From a page whose header it
    /// has, it reads the content only.
    pub(super) fn set_peeked(&self, is_peeked: bool) {
        self.state.lock().is_peeked = is_peeked;
    }

    /// Called when the library has skipped a page: its values take no memory.
    pub(super) fn set_skipped(&self) {
        let mut state = self.state.lock();
        state.is_peeked = false;
        let values = std::mem::take(&mut state.values);
        drop(state);
        let mut usage = self.file.usage.lock();
        let column = &mut usage.columns[self.column];
        column.values = column.values.saturating_sub(values);
    }

    fn check_header(&self, start: u64) -> Result<()> {
        let header = self.file.read_header(start)?;
        for size in [header.size, header.compressed] {
            self.file.check_page(size)?;
        }
        let PageHeader { size, compressed, values, .. } = header;
        let most = match expansion(self.compression) {
            Some(most) => compressed.saturating_mul(most).saturating_add(SLACK),
            None => size,
        };
        if size > most {
            return Err(malformed(format!("a page of {compressed} bytes claims to have {size} when decompressed")));
        }
        if header.is_dictionary && values > size {
            return Err(malformed(format!("a dictionary of {size} bytes claims to have {values} values")));
        }
        if header.encoding == DELTA_BYTE_ARRAY && !header.is_dictionary && !self.value.has_prefixes {
            return Err(malformed("a page has an encoding that the metadata does not name".into()));
        }
        let mut state = self.state.lock();
        (state.page, state.values) = (size, self.value.bytes(&header));
        drop(state);
        self.count(&header)
    }

    /// Counts the memory for a page. The page before it is no longer needed, except for the values that were read from it.
    fn count(&self, header: &PageHeader) -> Result<()> {
        let limits = self.file.limits;
        let mut usage = self.file.usage.lock();
        let usage_of_all = &mut *usage;
        let column = &mut usage_of_all.columns[self.column];
        let page = if header.is_dictionary { &mut column.dictionary } else { &mut column.page };
        usage_of_all.pages = (usage_of_all.pages - *page).saturating_add(header.size);
        *page = header.size;
        column.values = column.values.saturating_add(self.value.bytes(header));
        let (values, pages) = (column.values, usage_of_all.pages);
        drop(usage);
        self.file.limit(limits.check("the values of a column that are read at once", values, limits.block()))?;
        self.file.limit(limits.check(
            "the pages of all columns that are read at once",
            pages,
            limits.pages(self.file.length),
        ))
    }

    /// Decompresses a page without storing it, if the library could get more than the page may have.
    fn check_content(&self, bytes: &[u8]) -> Result<()> {
        let most = expansion(self.compression).map_or(0, |most| most.saturating_mul(bytes.len() as u64));
        if most <= self.file.limits.block() {
            return Ok(());
        }
        let size = self.state.lock().page;
        let read = match self.compression {
            Compression::GZIP(_) => count(flate2::read::MultiGzDecoder::new(bytes), size),
            Compression::BROTLI(_) => count(brotli::Decompressor::new(bytes, HEADER_BYTES), size),
            // The library stops at the size that the header states.
            _ => return Ok(()),
        };
        // The library names any other problem.
        if read.is_ok_and(|read| read > size) {
            return Err(malformed(format!("a page has more than the {size} bytes that its header states")));
        }
        Ok(())
    }
}

/// Returns how many times as large a page can be after decompression. `None` without compression.
fn expansion(compression: Compression) -> Option<u64> {
    Some(match compression {
        Compression::UNCOMPRESSED => return None,
        // A copy of 64 bytes takes three bytes.
        Compression::SNAPPY => 32,
        // A byte adds at most 255 bytes to the length of a match.
        Compression::LZ4 | Compression::LZ4_RAW => 256,
        // A match of 258 bytes takes at least two bits.
        Compression::GZIP(_) => 1100,
        // A block of 128 KiB takes four bytes.
        Compression::ZSTD(_) => 40_000,
        Compression::BROTLI(_) | Compression::LZO => u64::MAX >> 32,
    })
}

/// Returns the number of bytes, or a larger one than `most`.
fn count(input: impl Read, most: u64) -> io::Result<u64> {
    io::copy(&mut input.take(most.saturating_add(1)), &mut io::sink())
}

fn malformed(what: String) -> ParquetError {
    ParquetError::General(what)
}

impl Length for CheckedChunk {
    fn len(&self) -> u64 {
        self.file.length
    }
}

impl ChunkReader for CheckedChunk {
    type T = BufReader<FilePart>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let is_content = std::mem::take(&mut self.state.lock().is_peeked);
        if !is_content {
            self.check_header(start)?;
        }
        let part = FilePart { file: Arc::clone(&self.file.file), at: start };
        Ok(BufReader::with_capacity(HEADER_BYTES, part))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.file.length);
        if end.is_none() {
            return Err(ParquetError::EOF("a page ends after the file".into()));
        }
        let mut bytes = vec![0; length];
        os::read_exact_at(&self.file.file, &mut bytes, start)?;
        self.check_content(&bytes)?;
        Ok(bytes.into())
    }
}

/// Reads a file from a position. Others may read it at the same time.
#[derive(Debug)]
pub(super) struct FilePart {
    file: Arc<File>,
    at: u64,
}

impl Read for FilePart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = os::read_at(&self.file, buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
