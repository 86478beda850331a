//! Finds the files of a source, and opens them as streams of decompressed bytes.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;
use flate2::bufread::MultiGzDecoder;

use super::SourceLocation;
use super::error::{SourceError, SourceErrorKind};
use crate::format::Compression;

/// Bytes requested from the operating system in one read. A multiple of the 64 KiB that a pipe holds.
const READ_BYTES: usize = 128 << 10;

/// The name of standard input in messages.
const STDIN: &str = "standard input";

/// One file of a source.
#[derive(Debug, Clone)]
pub(crate) struct InputFile {
    /// Its name in messages.
    pub(crate) name: Arc<str>,
    /// Its path; `None` for standard input.
    pub(crate) path: Option<PathBuf>,
    /// Compression of the file as a whole.
    pub(crate) compression: Compression,
}

/// The files of a source, in reading order.
#[derive(Debug, Clone)]
pub(crate) struct InputFiles {
    /// The files, at least one.
    pub(crate) files: Vec<InputFile>,
    /// Total size in bytes, if known before reading.
    pub(crate) total_bytes: Option<u64>,
}

impl InputFiles {
    /// Finds the files.
    ///
    /// A path that exists is that file, even with wildcards in its name. Otherwise `*`, `?`, `[…]` and `**` are
    /// wildcards, and matching files are read in the byte order of their paths. A `*` does not match a leading dot.
    /// Without `compression`, the ending of each file name decides.
    ///
    /// # Errors
    ///
    /// No file matches, the pattern is malformed, or a file is a directory, missing or unreadable.
    pub(crate) fn find(location: &SourceLocation, compression: Option<Compression>) -> Result<Self, SourceError> {
        let pattern = match location {
            SourceLocation::Stdin => {
                let compression = compression.unwrap_or(Compression::None);
                let stdin = InputFile { name: STDIN.into(), path: None, compression };
                return Ok(Self { files: vec![stdin], total_bytes: None });
            }
            SourceLocation::Paths(pattern) => pattern,
        };
        let files: Vec<InputFile> = matching(pattern)?
            .into_iter()
            .map(|path| InputFile {
                name: path.to_string_lossy().into(),
                compression: compression.unwrap_or_else(|| Compression::from_path(&path)),
                path: Some(path),
            })
            .collect();
        let mut total_bytes = Some(0);
        for file in &files {
            total_bytes = total_bytes.zip(file.checked_len()?).map(|(total, len)| total + len);
        }
        Ok(Self { files, total_bytes })
    }

    /// Returns the paths of the files.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().filter_map(|file| file.path.clone()).collect()
    }
}

/// Returns the paths that a source would read. Does not check that they can be read.
pub(crate) fn matching_paths(location: &SourceLocation) -> Vec<PathBuf> {
    match location {
        SourceLocation::Stdin => Vec::new(),
        SourceLocation::Paths(pattern) => matching(pattern).unwrap_or_default(),
    }
}

impl InputFile {
    /// Returns the length in bytes; `None` for a pipe or a device. Opens every regular file once, because otherwise an
    /// unreadable last file would end a long run.
    fn checked_len(&self) -> Result<Option<u64>, SourceError> {
        let path = self.path.as_deref().unwrap_or(Path::new(""));
        let metadata = fs::metadata(path).map_err(|source| self.io("open", source))?;
        if metadata.is_dir() {
            return Err(SourceError::in_file(&self.name, SourceErrorKind::Directory));
        }
        if !metadata.is_file() {
            return Ok(None);
        }
        File::open(path).map_err(|source| self.io("open", source))?;
        Ok(Some(metadata.len()))
    }

    /// Opens the file for reading from start to end, decompressed. Adds every byte read to `count`, before
    /// decompression.
    ///
    /// # Errors
    ///
    /// The file cannot be opened.
    pub(crate) fn open(&self, count: &Arc<AtomicU64>) -> Result<InputStream, SourceError> {
        let bytes: Box<dyn Read + Send> = match &self.path {
            None => Box::new(io::stdin()),
            Some(path) => Box::new(File::open(path).map_err(|source| self.io("open", source))?),
        };
        let counted = CountingReader { bytes, count: Arc::clone(count) };
        let bytes: Box<dyn Read + Send> = match self.compression {
            Compression::None => Box::new(counted),
            compression => {
                let mut buffered = BufReader::with_capacity(READ_BYTES, counted);
                // An input without bytes is empty. The decoders would report it as truncated.
                if buffered.fill_buf().map_err(|source| self.io("read", source))?.is_empty() {
                    Box::new(io::empty())
                } else if compression == Compression::Gzip {
                    Box::new(MultiGzDecoder::new(buffered))
                } else {
                    let decoder = zstd::stream::read::Decoder::with_buffer(buffered);
                    Box::new(decoder.map_err(|source| self.io("decompress", source))?)
                }
            }
        };
        Ok(InputStream { bytes, file: self.clone() })
    }

    /// Opens a regular file for random access; `None` if the input is compressed or not a regular file.
    ///
    /// # Errors
    ///
    /// The file cannot be opened.
    pub(crate) fn open_seekable(&self, count: &Arc<AtomicU64>) -> Result<Option<CountingReader<File>>, SourceError> {
        let Some(path) = self.path.as_ref().filter(|_| self.is_regular() && self.compression == Compression::None)
        else {
            return Ok(None);
        };
        let bytes = File::open(path).map_err(|source| self.io("open", source))?;
        Ok(Some(CountingReader { bytes, count: Arc::clone(count) }))
    }

    /// Returns whether the input is a regular file, which can be opened more than once.
    pub(crate) fn is_regular(&self) -> bool {
        self.path.as_ref().is_some_and(|path| path.is_file())
    }

    /// Creates an error of the operating system about this file.
    pub(crate) fn io(&self, action: &'static str, source: io::Error) -> SourceError {
        SourceError::in_file(&self.name, SourceErrorKind::Io { action, source })
    }
}

/// An open input file.
pub(crate) struct InputStream {
    bytes: Box<dyn Read + Send>,
    file: InputFile,
}

impl InputStream {
    /// Returns the file.
    pub(crate) fn file(&self) -> &InputFile {
        &self.file
    }

    /// Waits for bytes and adds them to `buffer`; returns 0 only at the end. Returns as soon as there is a byte, even
    /// if more would fit, so that rows that arrive slowly are not delayed.
    ///
    /// # Errors
    ///
    /// The file cannot be read or decompressed.
    pub(crate) fn read_more(&mut self, buffer: &mut BytesMut) -> Result<usize, SourceError> {
        let before = buffer.len();
        // Room left after the last chunk is filled first, unless it is so small that a read would not pay.
        if buffer.capacity() - before < READ_BYTES / 2 {
            buffer.reserve(READ_BYTES);
        }
        buffer.resize(buffer.capacity().min(before + READ_BYTES), 0);
        let read = loop {
            match self.bytes.read(&mut buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        buffer.truncate(before + read.as_ref().map_or(0, |read| *read));
        read.map_err(|source| self.failed(source))
    }

    /// Returns the error for a failed read.
    fn failed(&self, source: io::Error) -> SourceError {
        // An error of the operating system has a number; an error of a decompressor has none.
        if self.file.compression == Compression::None || source.raw_os_error().is_some() {
            return self.file.io("read", source);
        }
        let compression = self.file.compression;
        SourceError::in_file(&self.file.name, SourceErrorKind::CorruptFile { compression, source })
    }
}

impl Read for InputStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

/// Counts the bytes that are read through it.
pub(crate) struct CountingReader<R> {
    bytes: R,
    count: Arc<AtomicU64>,
}

impl<R> CountingReader<R> {
    /// Returns the inner reader.
    pub(crate) fn into_inner(self) -> R {
        self.bytes
    }
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: Seek> Seek for CountingReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

/// Returns the paths that match a pattern, sorted, at least one.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let text = pattern.to_str();
    let wild = text.is_some_and(|text| text.contains(['*', '?', '[']));
    if !wild || fs::symlink_metadata(pattern).is_ok() {
        return Ok(vec![pattern.to_path_buf()]);
    }
    let text = text.unwrap_or_default();
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let pattern = || text.to_owned();
    let entries = glob::glob_with(text, options)
        .map_err(|source| SourceError::anywhere(SourceErrorKind::Pattern { pattern: pattern(), source }))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| {
            let name = error.path().to_string_lossy().into();
            SourceError::in_file(&name, SourceErrorKind::Io { action: "list", source: error.into() })
        })?;
        // A pattern such as `data/*` selects files, so folders that match are skipped.
        if !path.is_dir() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(SourceError::anywhere(SourceErrorKind::NoMatch { pattern: pattern() }));
    }
    paths.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    Ok(paths)
}
