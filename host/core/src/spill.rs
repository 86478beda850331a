//! Spill files: rows written to disk between two stages.
//!
//! A spill file is a sequence of frames, one per batch. The payload of a frame is the number of rows as 4 bytes and the
//! size of the largest row as 8 bytes, both in little-endian order, and the batch as an Arrow IPC stream of its own, compressed with LZ4. Frames are encoded
//! in parallel, like the bytes of sinks, and can be read individually. Arrow's file format does not allow that: it has
//! one dictionary per column for all batches, and cannot be read before its footer is written. A truncated spill file
//! is valid up to its last complete frame.

mod lookup;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::ArrowError;
use parking_lot::{Mutex, MutexGuard};

use crate::corrupt::CorruptFile;
use crate::frame::{FrameError, FrameFormat, HEADER};
use crate::os;
use crate::private_dir::not_followed;
use crate::row_size::max_row_bytes;
use crate::source::first_batch;
use crate::units::grouped;
use crate::writeback::{Durability, FileWriteback, MAX_WRITE, Writeback};

pub(crate) use lookup::SpillLookup;

/// The frame of a batch.
const FORMAT: FrameFormat = FrameFormat::new(*b"stillsp", 2);

/// Size of the numbers at the start of a payload, in bytes.
const NUMBERS: usize = 12;

/// Bytes buffered before they are written to a file.
const BUFFER_BYTES: usize = 256 << 10;

/// An error while writing or reading a spill file.
#[derive(Debug, thiserror::Error)]
#[error("{what} cannot be {} disk", if cause.is::<CorruptFile>() { "read from" } else { "written to or read from" })]
pub(crate) struct SpillError {
    /// Describes the rows.
    what: Arc<str>,
    #[source]
    cause: SpillErrorKind,
}

/// An error of the operating system or of Arrow, or a corrupt file.
pub(crate) type SpillErrorKind = Box<dyn std::error::Error + Send + Sync>;

/// An encoded batch.
#[derive(Debug)]
pub(crate) struct SpillFrame {
    bytes: Vec<u8>,
    rows: usize,
    max_row_bytes: u64,
}

impl SpillFrame {
    /// Encodes a batch, on any thread.
    ///
    /// # Errors
    /// Arrow cannot encode one of the types.
    pub(crate) fn encode(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let mut bytes = FORMAT.start();
        let rows = batch.num_rows();
        let max_row_bytes = max_row_bytes(batch);
        bytes.extend_from_slice(&(rows as u32).to_le_bytes());
        bytes.extend_from_slice(&max_row_bytes.to_le_bytes());
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        let mut writer = StreamWriter::try_new_with_options(&mut bytes, batch.schema_ref(), options)?;
        writer.write(batch)?;
        writer.finish()?;
        drop(writer);
        FORMAT.finish(&mut bytes);
        Ok(Self { bytes, rows, max_row_bytes })
    }

    /// Returns the frame with these bytes, as [`bytes`](Self::bytes) returns them.
    ///
    /// # Errors
    /// They are not a frame, or not what was encoded.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Result<Self, FrameError> {
        let payload = FORMAT.payload(&bytes)?;
        let numbers = payload.first_chunk::<NUMBERS>().ok_or(FrameError::Truncated)?;
        let (rows, largest) = numbers.split_first_chunk::<4>().ok_or(FrameError::Truncated)?;
        let largest = largest.first_chunk::<8>().ok_or(FrameError::Truncated)?;
        let (rows, max_row_bytes) = (u32::from_le_bytes(*rows) as usize, u64::from_le_bytes(*largest));
        Ok(Self { bytes, rows, max_row_bytes })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the batch.
    ///
    /// # Errors
    /// The frame is corrupt.
    pub(crate) fn decode(&self) -> Result<RecordBatch, SpillErrorKind> {
        decode(&self.bytes)
    }
}

/// Decodes the batch of a frame.
fn decode(frame: &[u8]) -> Result<RecordBatch, SpillErrorKind> {
    let batch = FORMAT.payload(frame)?.get(NUMBERS..).ok_or(FrameError::Truncated)?;
    Ok(first_batch(batch)?.ok_or(FrameError::Truncated)?)
}

/// A spill file and the index of its frames. One thread writes it; then any thread may read it.
#[derive(Debug)]
pub(crate) struct Spill {
    path: PathBuf,
    /// Describes the rows.
    pub(crate) title: Arc<str>,
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    frames: Vec<FrameEntry>,
    rows: u64,
    bytes: u64,
}

#[derive(Debug, Clone, Copy)]
struct FrameEntry {
    at: u64,
    length: u64,
    first_row: u64,
    /// The bytes that its largest row takes in memory, at most.
    max_row_bytes: u64,
}

/// The size of a frame in bytes with its header, its number of rows and the size of its largest row.
struct SkippedFrame {
    length: u64,
    rows: u32,
    max_row_bytes: u64,
}

impl Spill {
    pub(crate) fn new(path: PathBuf, title: &str) -> Self {
        Self { path, title: title.into(), index: Mutex::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of rows.
    pub(crate) fn rows(&self) -> u64 {
        self.index().rows
    }

    /// Truncates the file to this length, and indexes its frames by their headers.
    fn reopen(&self, length: u64) -> Result<File, SpillErrorKind> {
        // The file of a later stage may not exist yet.
        let mut file = not_followed().read(true).write(true).create(length == 0).truncate(false).open(&self.path)?;
        let length_on_disk = file.metadata()?.len();
        if length_on_disk < length {
            let what = format!("it has {} bytes, but {} were written", grouped(length_on_disk), grouped(length));
            return Err(CorruptFile::new(&self.path, what).into());
        }
        file.set_len(length)?;
        let mut index = Index::default();
        let mut frames = BufReader::new(&file);
        while index.bytes < length {
            let entry = self.next_entry(&mut frames, length - index.bytes)?;
            let SkippedFrame { length, max_row_bytes, .. } = entry;
            let (at, first_row) = (index.bytes, index.rows);
            index.frames.push(FrameEntry { at, length, first_row, max_row_bytes });
            index.bytes += entry.length;
            index.rows += u64::from(entry.rows);
        }
        file.seek(SeekFrom::Start(length))?;
        *self.index() = index;
        Ok(file)
    }

    /// Reads the header of the next frame, and skips its batch. The checksum is only compared when the batch is read.
    fn next_entry(&self, frames: &mut BufReader<&File>, left: u64) -> Result<SkippedFrame, SpillErrorKind> {
        let (mut header, mut rows, mut largest) = ([0; HEADER], [0; 4], [0; 8]);
        if left < (HEADER + NUMBERS) as u64 {
            return Err(self.corrupt().into());
        }
        frames.read_exact(&mut header)?;
        frames.read_exact(&mut rows)?;
        frames.read_exact(&mut largest)?;
        let payload = FORMAT.parse(&header).map_err(|_| self.corrupt())?.length;
        let length = payload.checked_add(HEADER as u64).filter(|length| *length <= left);
        let batch = payload.checked_sub(NUMBERS as u64).and_then(|batch| i64::try_from(batch).ok());
        let (length, batch) = length.zip(batch).ok_or_else(|| self.corrupt())?;
        frames.seek_relative(batch)?;
        let max_row_bytes = u64::from_le_bytes(largest);
        Ok(SkippedFrame { length, rows: u32::from_le_bytes(rows), max_row_bytes })
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock()
    }

    fn corrupt(&self) -> CorruptFile {
        CorruptFile::new(&self.path, "a frame is malformed or does not match its checksum")
    }

    fn error(&self, cause: impl Into<SpillErrorKind>) -> SpillError {
        SpillError { what: Arc::clone(&self.title), cause: cause.into() }
    }
}

/// Writes a spill file.
#[derive(Debug)]
pub(crate) struct SpillWriter {
    spill: Arc<Spill>,
    out: BufWriter<File>,
    /// `None` if the file is of no use once the process has ended.
    writeback: Option<FileWriteback>,
}

impl SpillWriter {
    /// Creates a new file, or resumes one with this synced length.
    ///
    /// # Errors
    /// The file cannot be created, or is corrupt.
    pub(crate) fn open(
        spill: &Arc<Spill>,
        synced: Option<u64>,
        writeback: Option<&Writeback>,
    ) -> Result<Self, SpillError> {
        let file = if let Some(length) = synced {
            spill.reopen(length)
        } else {
            let file = not_followed().write(true).create(true).truncate(true).open(&spill.path);
            file.map_err(Into::into)
        };
        let file = file.map_err(|cause| spill.error(cause))?;
        let (spill, out) = (Arc::clone(spill), BufWriter::with_capacity(BUFFER_BYTES, file));
        Ok(Self { spill, out, writeback: writeback.map(Writeback::file) })
    }

    /// Adds a frame. Frames without rows are skipped.
    ///
    /// # Errors
    /// The disk is full, or a write fails.
    pub(crate) fn write(&mut self, frame: &SpillFrame) -> Result<(), SpillError> {
        if frame.rows == 0 {
            return Ok(());
        }
        for part in frame.bytes.chunks(MAX_WRITE) {
            let written = self.out.write_all(part).and_then(|()| match &mut self.writeback {
                Some(writeback) => writeback.written(self.out.get_ref(), part.len()),
                None => Ok(()),
            });
            written.map_err(|cause| self.spill.error(cause))?;
        }
        let mut index = self.spill.index();
        let (at, first_row, max_row_bytes) = (index.bytes, index.rows, frame.max_row_bytes);
        let entry = FrameEntry { at, length: frame.bytes.len() as u64, first_row, max_row_bytes };
        index.frames.push(entry);
        index.rows += frame.rows as u64;
        index.bytes += entry.length;
        Ok(())
    }

    /// Returns the length of the file once all frames are written.
    ///
    /// # Errors
    /// The disk is full, or a write fails.
    pub(crate) fn checkpoint(&mut self, durability: Durability) -> Result<u64, SpillError> {
        self.flush()?;
        if durability == Durability::OnDisk {
            let file = self.out.get_ref();
            let synced = self.writeback.as_mut().map_or_else(|| file.sync_all(), |writeback| writeback.sync(file));
            synced.map_err(|cause| self.spill.error(cause))?;
        }
        Ok(self.spill.index().bytes)
    }

    /// Makes all frames readable.
    ///
    /// # Errors
    /// The disk is full, or a write fails.
    pub(crate) fn flush(&mut self) -> Result<(), SpillError> {
        self.out.flush().map_err(|cause| self.spill.error(cause))
    }
}

/// Reads a complete spill file from start to end.
#[derive(Debug)]
pub(crate) struct SpillReader {
    spill: Arc<Spill>,
    file: File,
    next: usize,
}

impl SpillReader {
    /// Opens the file.
    ///
    /// # Errors
    /// The file was removed.
    pub(crate) fn open(spill: &Arc<Spill>) -> Result<Self, SpillError> {
        let file = not_followed().read(true).open(&spill.path).map_err(|cause| spill.error(cause))?;
        Ok(Self { spill: Arc::clone(spill), file, next: 0 })
    }

    /// Returns the next batch and the number of its first row, from 0; `None` at the end.
    ///
    /// # Errors
    /// A read fails, or the file is corrupt.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, RecordBatch)>, SpillError> {
        let Some(entry) = self.spill.index().frames.get(self.next).copied() else { return Ok(None) };
        self.next += 1;
        Ok(Some((entry.first_row, self.read(entry)?)))
    }

    fn read(&self, entry: FrameEntry) -> Result<RecordBatch, SpillError> {
        let mut bytes = vec![0; entry.length as usize];
        os::read_exact_at(&self.file, &mut bytes, entry.at).map_err(|cause| self.spill.error(cause))?;
        decode(&bytes).map_err(|cause| {
            let is_frame = cause.is::<FrameError>();
            self.spill.error(if is_frame { self.spill.corrupt().into() } else { cause })
        })
    }
}
