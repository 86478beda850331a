//! Spill files: rows written to disk between two stages.
//!
//! A spill file is a sequence of frames, one per batch. A frame has a header with the payload's length, its number of
//! rows and its checksum, and then the batch as an Arrow IPC stream of its own, compressed with LZ4. Frames are encoded
//! in parallel, like the bytes of sinks, and can be read individually. Arrow's file format does not allow that: it has
//! one dictionary per column for all batches, and cannot be read before its footer is written. A truncated spill file
//! is valid up to its last complete frame.

mod lookup;

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Cursor, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::ArrowError;
use parking_lot::{Mutex, MutexGuard};

use crate::corrupt::CorruptFile;
use crate::units::grouped;

pub(crate) use lookup::SpillLookup;

/// Size of a frame's header in bytes: length (8), rows (4) and CRC-32 (4), in little-endian order.
const HEADER: usize = 16;

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
type SpillErrorKind = Box<dyn std::error::Error + Send + Sync>;

/// An encoded batch.
#[derive(Debug)]
pub(crate) struct SpillFrame {
    bytes: Vec<u8>,
    rows: usize,
}

impl SpillFrame {
    /// Encodes a batch, on any thread.
    ///
    /// # Errors
    /// Arrow cannot encode one of the types.
    pub(crate) fn encode(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let mut bytes = vec![0; HEADER];
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        let mut writer = StreamWriter::try_new_with_options(&mut bytes, batch.schema_ref(), options)?;
        writer.write(batch)?;
        writer.finish()?;
        drop(writer);
        let rows = batch.num_rows();
        let length = (bytes.len() - HEADER) as u64;
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        bytes[8..12].copy_from_slice(&(rows as u32).to_le_bytes());
        let checksum = sum(&bytes[..12], &bytes[HEADER..]);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
        Ok(Self { bytes, rows })
    }
}

/// Returns the checksum of a header and of the bytes after it.
pub(crate) fn sum(header: &[u8], rest: &[u8]) -> u32 {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(header);
    checksum.update(rest);
    checksum.finalize()
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
        let mut file =
            OpenOptions::new().read(true).write(true).create(length == 0).truncate(false).open(&self.path)?;
        let length_on_disk = file.metadata()?.len();
        if length_on_disk < length {
            let what = format!("it has {} bytes, but {} were written", grouped(length_on_disk), grouped(length));
            return Err(CorruptFile::new(&self.path, what).into());
        }
        file.set_len(length)?;
        let mut index = Index::default();
        let mut frames = BufReader::new(&file);
        while index.bytes < length {
            let mut header = [0; HEADER];
            frames.read_exact(&mut header)?;
            let [payload, rows] =
                [u64::from_le_bytes(header[..8].try_into()?), u32::from_le_bytes(header[8..12].try_into()?).into()];
            let frame = payload.checked_add(HEADER as u64).filter(|frame| *frame <= length - index.bytes);
            let frame = frame.ok_or_else(|| self.corrupt())?;
            frames.seek_relative(payload as i64)?;
            index.frames.push(FrameEntry { at: index.bytes, length: frame, first_row: index.rows });
            index.bytes += frame;
            index.rows += rows;
        }
        file.seek(SeekFrom::Start(length))?;
        *self.index() = index;
        Ok(file)
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
}

impl SpillWriter {
    /// Creates a new file, or resumes one with this synced length.
    ///
    /// # Errors
    /// The file cannot be created, or is corrupt.
    pub(crate) fn open(spill: &Arc<Spill>, synced: Option<u64>) -> Result<Self, SpillError> {
        let file = match synced {
            Some(length) => spill.reopen(length),
            None => File::create(&spill.path).map_err(Into::into),
        };
        let file = file.map_err(|cause| spill.error(cause))?;
        Ok(Self { spill: Arc::clone(spill), out: BufWriter::with_capacity(BUFFER_BYTES, file) })
    }

    /// Adds a frame. Frames without rows are skipped.
    ///
    /// # Errors
    /// The disk is full, or a write fails.
    pub(crate) fn write(&mut self, frame: &SpillFrame) -> Result<(), SpillError> {
        if frame.rows == 0 {
            return Ok(());
        }
        self.out.write_all(&frame.bytes).map_err(|cause| self.spill.error(cause))?;
        let mut index = self.spill.index();
        let entry = FrameEntry { at: index.bytes, length: frame.bytes.len() as u64, first_row: index.rows };
        index.frames.push(entry);
        index.rows += frame.rows as u64;
        index.bytes += entry.length;
        Ok(())
    }

    /// Returns the length of the file once all frames are on disk.
    ///
    /// # Errors
    /// The disk is full, or a write fails.
    pub(crate) fn sync(&mut self) -> Result<u64, SpillError> {
        self.flush()?;
        self.out.get_ref().sync_all().map_err(|cause| self.spill.error(cause))?;
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
        let file = File::open(&spill.path).map_err(|cause| spill.error(cause))?;
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
        self.file.read_exact_at(&mut bytes, entry.at).map_err(|cause| self.spill.error(cause))?;
        let checksum = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
        if sum(&bytes[..12], &bytes[HEADER..]) != checksum {
            return Err(self.spill.error(self.spill.corrupt()));
        }
        let mut stream =
            StreamReader::try_new(Cursor::new(&bytes[HEADER..]), None).map_err(|cause| self.spill.error(cause))?;
        match stream.next() {
            Some(batch) => batch.map_err(|cause| self.spill.error(cause)),
            None => Err(self.spill.error(self.spill.corrupt())),
        }
    }
}
