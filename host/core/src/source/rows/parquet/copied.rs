//! Copies column chunks, without decoding them.
//!
//! The headers of the pages are checked, and the checksums of those pages that have one. Values are not.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;

use super::super::super::error::{SourceError, SourceErrorKind};
use super::checked_file::CheckedFile;
use super::page_header::PageHeader;
use crate::format::Format;
use crate::text::named;

/// Bytes that are read at once. Many chunks are not larger.
const READ_BYTES: u64 = 1 << 20;

/// A column chunk of an input, which a sink copies.
#[derive(Debug)]
pub(crate) struct CopiedChunk {
    file: Arc<CheckedFile>,
    metadata: ColumnChunkMetaData,
    /// Whether its statistics are in the order of its type.
    is_ordered: bool,
    /// The name of the file.
    name: Arc<str>,
    group: usize,
}

/// A column chunk that is malformed.
#[derive(Debug, thiserror::Error)]
#[error("column {column} in row group {group}")]
struct ChunkError {
    column: String,
    group: usize,
    source: ParquetError,
}

impl CopiedChunk {
    pub(super) fn new(
        file: &Arc<CheckedFile>,
        name: &Arc<str>,
        group: usize,
        (metadata, is_ordered): (&ColumnChunkMetaData, bool),
    ) -> Self {
        let (file, name, metadata) = (Arc::clone(file), Arc::clone(name), metadata.clone());
        Self { file, metadata, is_ordered, name, group }
    }

    /// Returns the metadata of the chunk in its file.
    pub(crate) fn metadata(&self) -> &ColumnChunkMetaData {
        &self.metadata
    }

    /// Returns whether the statistics of the chunk are valid in another file.
    pub(crate) fn has_statistics(&self) -> bool {
        self.is_ordered
    }

    /// Returns the bytes of the chunk. Reading fails with a [`SourceError`] if the headers of the pages are malformed or not those that
    /// the metadata states, or if a page does not match its checksum.
    pub(crate) fn read(self: &Arc<Self>) -> CopiedBytes {
        let (at, length) = self.metadata.byte_range();
        let values = u64::try_from(self.metadata.num_values()).unwrap_or_default();
        let (end, read, page) = (at.saturating_add(length), Bytes::new(), Bytes::new());
        CopiedBytes { chunk: Arc::clone(self), at, end, is_first: true, values, read, page }
    }

    fn error(&self, source: ParquetError) -> SourceError {
        if let Some(limit) = self.file.usage().lock().exceeded() {
            return SourceError::in_file(&self.name, SourceErrorKind::TooLarge(limit));
        }
        let source = ChunkError { column: named(&self.metadata.column_path().string()), group: self.group, source };
        let (format, source) = (Format::Parquet, Box::new(source));
        SourceError::in_file(&self.name, SourceErrorKind::Unreadable { format, source })
    }
}

/// The bytes of a chunk.
#[derive(Debug)]
pub(crate) struct CopiedBytes {
    chunk: Arc<CopiedChunk>,
    /// Where the next page starts.
    at: u64,
    end: u64,
    is_first: bool,
    /// The number of values in the pages from there on.
    values: u64,
    /// Bytes from there on that are read already.
    read: Bytes,
    /// The rest of the current page.
    page: Bytes,
}

impl CopiedBytes {
    /// Returns the next page with its header. `None` after the last page.
    fn next_page(&mut self) -> Result<Option<Bytes>> {
        if self.at >= self.end {
            let is_complete = self.at == self.end && self.values == 0;
            return if is_complete { Ok(None) } else { Err(malformed("its pages have fewer values than it states")) };
        }
        let file = &self.chunk.file;
        if self.read.is_empty() {
            self.read = file.read(self.at, READ_BYTES.min(self.end - self.at))?.into();
        }
        let header = match PageHeader::read(&self.read) {
            Some(header) => header,
            None => file.read_header(self.at)?,
        };
        file.check_page(header.compressed)?;
        let size = header.length.saturating_add(header.compressed);
        if size > self.end - self.at {
            return Err(malformed("a page ends after it"));
        }
        if header.is_dictionary && !self.is_first {
            return Err(malformed("a dictionary comes after another page"));
        }
        if header.is_data {
            let rest = self.values.checked_sub(header.values);
            self.values = rest.ok_or_else(|| malformed("its pages have more values than it states"))?;
        }
        self.is_first = false;
        let page = self.take(size)?;
        let content = &page[header.length as usize..];
        if header.checksum.is_some_and(|checksum| checksum != crc32fast::hash(content)) {
            return Err(malformed("a page does not match its checksum"));
        }
        Ok(Some(page))
    }

    /// Returns the next bytes.
    fn take(&mut self, size: u64) -> Result<Bytes> {
        let start = self.at;
        self.at += size;
        if size <= self.read.len() as u64 {
            return Ok(self.read.split_to(size as usize));
        }
        let read = std::mem::take(&mut self.read);
        let rest = self.chunk.file.read(start + read.len() as u64, size - read.len() as u64)?;
        Ok([&read[..], &rest].concat().into())
    }
}

impl Read for CopiedBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.page.is_empty() {
            match self.next_page().map_err(|error| io::Error::other(self.chunk.error(error)))? {
                Some(page) => self.page = page,
                None => return Ok(0),
            }
        }
        let count = self.page.len().min(buffer.len());
        self.page.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

fn malformed(what: &str) -> ParquetError {
    ParquetError::General(what.into())
}
