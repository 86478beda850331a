//! Rows that are kept on disk between two stages.
//!
//! A spool is a file of frames, one for each batch: a header with the payload's length, its rows and its checksum, then
//! the batch as an Arrow IPC stream of its own, compressed with LZ4. Frames are made in parallel, as the sinks' bytes are,
//! and any of them can be read by itself. That is not so of Arrow's file format, which has one dictionary for all its
//! batches, and is unreadable until its end is written: a spool that was cut off is whole up to its last whole frame.

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
use crate::text::grouped;

pub(crate) use lookup::SpillLookup;

/// Bytes of a frame's header: length (8), rows (4) and CRC-32 (4), the least significant byte first.
const HEADER: usize = 16;

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 256 << 10;

/// What went wrong with rows on disk.
#[derive(Debug, thiserror::Error)]
#[error("{what} cannot be {}", if cause.is::<CorruptFile>() { "read again" } else { "kept on disk" })]
pub(crate) struct SpillError {
    /// Whose rows they are, in words.
    what: Arc<str>,
    #[source]
    cause: SpillErrorKind,
}

/// What the operating system or Arrow says, or that the file is damaged.
type SpillErrorKind = Box<dyn std::error::Error + Send + Sync>;

/// A batch as it is kept.
#[derive(Debug)]
pub(crate) struct SpillFrame {
    bytes: Vec<u8>,
    rows: usize,
}

impl SpillFrame {
    /// Makes a frame of a batch, on any thread.
    ///
    /// # Errors
    /// Arrow cannot write one of the types.
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

/// The checksum of what a header says before it, and of what follows.
pub(crate) fn sum(header: &[u8], rest: &[u8]) -> u32 {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(header);
    checksum.update(rest);
    checksum.finalize()
}

/// A file of frames, and where they are. One thread writes it; when all is written any may read.
#[derive(Debug)]
pub(crate) struct Spill {
    path: PathBuf,
    /// Whose rows they are, in words.
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

    /// How many rows are kept.
    pub(crate) fn rows(&self) -> u64 {
        self.index().rows
    }

    /// Cuts the file to this length, and finds the frames in it by their headers.
    fn reopen(&self, length: u64) -> Result<File, SpillErrorKind> {
        // Nothing was written yet if the file is needed by a later stage only.
        let mut file =
            OpenOptions::new().read(true).write(true).create(length == 0).truncate(false).open(&self.path)?;
        let existing = file.metadata()?.len();
        if existing < length {
            let what = format!("it has {} bytes, and {} were written", grouped(existing), grouped(length));
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
        CorruptFile::new(&self.path, "a frame is not what was written")
    }

    fn error(&self, cause: impl Into<SpillErrorKind>) -> SpillError {
        SpillError { what: Arc::clone(&self.title), cause: cause.into() }
    }
}

/// Writes a spool.
#[derive(Debug)]
pub(crate) struct SpillWriter {
    spill: Arc<Spill>,
    out: BufWriter<File>,
}

impl SpillWriter {
    /// Begins a new file; or goes on with one, of which so many bytes are known to be whole.
    ///
    /// # Errors
    /// The file cannot be made, or is not what was written.
    pub(crate) fn open(spill: &Arc<Spill>, synced: Option<u64>) -> Result<Self, SpillError> {
        let file = match synced {
            Some(length) => spill.reopen(length),
            None => File::create(&spill.path).map_err(Into::into),
        };
        let file = file.map_err(|cause| spill.error(cause))?;
        Ok(Self { spill: Arc::clone(spill), out: BufWriter::with_capacity(BUFFER_BYTES, file) })
    }

    /// Adds a frame. One without a row is left out.
    ///
    /// # Errors
    /// The disk is full, or fails.
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

    /// Returns when all that was written is on the disk, and says how many bytes that is.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub(crate) fn sync(&mut self) -> Result<u64, SpillError> {
        self.flush()?;
        self.out.get_ref().sync_all().map_err(|cause| self.spill.error(cause))?;
        Ok(self.spill.index().bytes)
    }

    /// Makes all that was written readable.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub(crate) fn flush(&mut self) -> Result<(), SpillError> {
        self.out.flush().map_err(|cause| self.spill.error(cause))
    }
}

/// Reads a spool that is written.
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
    /// It is not there any more.
    pub(crate) fn open(spill: &Arc<Spill>) -> Result<Self, SpillError> {
        let file = File::open(&spill.path).map_err(|cause| spill.error(cause))?;
        Ok(Self { spill: Arc::clone(spill), file, next: 0 })
    }

    /// The next batch, and the number of its first row from 0; none at the end.
    ///
    /// # Errors
    /// The disk fails, or someone changed the file.
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
