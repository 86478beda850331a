//! Finds the files of a source, and opens them as streams of decompressed bytes.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf as _, Bytes, BytesMut};

use super::convert::Converter;
use super::decompress::{DecompressError, Decompressor, check_plain};
use super::error::{SourceError, SourceErrorKind};
use super::look_ahead::{LookAhead, READ_BYTES};
use super::{SourceLocation, SourceSpec};
use crate::format::{Compression, MAGIC_BYTES, TextEncoding};
use crate::pattern::{self, PatternError};

/// The name of standard input in messages.
const STDIN: &str = "standard input";

/// One file of a source.
#[derive(Debug, Clone)]
pub(crate) struct InputFile {
    /// Its name in messages.
    pub(crate) name: Arc<str>,
    /// Its path; `None` for standard input.
    pub(crate) path: Option<PathBuf>,
    /// Compression of the file as a whole. Of a pipe, that of the settings or of its name.
    pub(crate) compression: Compression,
    /// Whether the content decides about the compression.
    detects: bool,
    /// The largest window for decompression, in bytes.
    max_window: u64,
    /// The encoding of the text, unless a byte order mark says otherwise.
    pub(crate) encoding: TextEncoding,
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
    /// Finds the files. Without a compression in the settings, the content of each file decides.
    ///
    /// # Errors
    ///
    /// No file matches, a pattern is malformed, or a file is a directory, missing or unreadable.
    pub(crate) fn find(spec: &SourceSpec) -> Result<Self, SourceError> {
        let file = |name: Arc<str>, path: Option<PathBuf>| InputFile {
            name,
            compression: spec
                .compression
                .unwrap_or_else(|| path.as_deref().map_or(Compression::None, Compression::from_path)),
            path,
            detects: spec.compression.is_none(),
            max_window: spec.max_window,
            encoding: spec.encoding(),
        };
        let SourceLocation::Paths(_) = &spec.location else {
            return Ok(Self { files: vec![file(STDIN.into(), None)], total_bytes: None });
        };
        let paths = find_paths(&spec.location)?;
        let mut files: Vec<InputFile> =
            paths.into_iter().map(|path| file(path.to_string_lossy().into(), Some(path))).collect();
        let mut total_bytes = Some(0);
        for file in &mut files {
            total_bytes = total_bytes.zip(file.check()?).map(|(total, len)| total + len);
        }
        Ok(Self { files, total_bytes })
    }

    /// Returns the names of the files in messages, and their paths without the folder from which the patterns start.
    pub(crate) fn paths_below_bases(&self, location: &SourceLocation) -> Vec<(Arc<str>, PathBuf)> {
        let SourceLocation::Paths(patterns) = location else { return Vec::new() };
        let below = |path: &Path| {
            let base = patterns.iter().map(|pattern| &pattern.base).find(|base| path.starts_with(base));
            base.and_then(|base| path.strip_prefix(base).ok()).unwrap_or(path).to_owned()
        };
        let paths = self.files.iter().filter_map(|file| Some((Arc::clone(&file.name), below(file.path.as_deref()?))));
        paths.collect()
    }

    /// Returns the paths of the files.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().filter_map(|file| file.path.clone()).collect()
    }
}

/// Returns the paths that a source would read. Does not check that they can be read.
pub(crate) fn matching_paths(location: &SourceLocation) -> Vec<PathBuf> {
    find_paths(location).unwrap_or_default()
}

/// Returns the paths of a source in reading order. A file that several patterns match is read once.
fn find_paths(location: &SourceLocation) -> Result<Vec<PathBuf>, PatternError> {
    let SourceLocation::Paths(patterns) = location else { return Ok(Vec::new()) };
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut seen = HashSet::new();
    for pattern in patterns {
        let found = pattern::find(&pattern.base, &pattern.written)?;
        paths.extend(found.into_iter().filter(|path| seen.insert(path.clone())));
    }
    Ok(paths)
}

impl InputFile {
    /// Determines the compression, and returns the length in bytes; `None` for a pipe or a device. Opens every regular
    /// file once, because otherwise an unreadable last file would end a long run.
    fn check(&mut self) -> Result<Option<u64>, SourceError> {
        let path = self.path.as_deref().unwrap_or(Path::new(""));
        let metadata = fs::metadata(path).map_err(|source| self.io("open", source))?;
        if metadata.is_dir() {
            return Err(SourceError::in_file(&self.name, SourceErrorKind::Directory));
        }
        if !metadata.is_file() {
            return Ok(None);
        }
        let file = File::open(path).map_err(|source| self.io("open", source))?;
        if self.detects {
            let mut start = Vec::new();
            file.take(MAGIC_BYTES as u64).read_to_end(&mut start).map_err(|source| self.io("read", source))?;
            self.compression = self.detected(&start);
        }
        Ok(Some(metadata.len()))
    }

    /// Returns the compression that the first bytes show, or that of the name if they show none. In that case reading the
    /// file fails, unless the name has no compression either.
    fn detected(&self, start: &[u8]) -> Compression {
        match Compression::from_content(start) {
            Compression::None => self.path.as_deref().map_or(Compression::None, Compression::from_path),
            compression => compression,
        }
    }

    /// Opens the file for reading from start to end, decompressed. Adds every byte read to `count`, before
    /// decompression.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or is compressed in a way that is not supported.
    pub(crate) fn open(&self, count: &Arc<AtomicU64>) -> Result<InputStream, SourceError> {
        let bytes: Box<dyn Read + Send> = match &self.path {
            None => Box::new(io::stdin()),
            Some(path) => Box::new(File::open(path).map_err(|source| self.io("open", source))?),
        };
        let counted = CountingReader { bytes, count: Arc::clone(count) };
        let mut file = self.clone();
        if !self.detects && self.compression == Compression::None {
            return Ok(InputStream { bytes: Box::new(counted), file });
        }
        let mut input = LookAhead::new(counted);
        if self.detects {
            let start = input.peek_until(|start| !Compression::needs_more(start));
            let start = start.map_err(|source| self.io("read", source))?;
            file.compression = self.detected(start);
            if file.compression == Compression::None {
                check_plain(&start[..start.len().min(10)])
                    .map_err(|error| SourceError::in_file(&self.name, SourceErrorKind::Decompress(error)))?;
            }
        }
        let bytes: Box<dyn Read + Send> = match file.compression {
            Compression::None => Box::new(input),
            compression => Box::new(Decompressor::new(compression, self.max_window, input)),
        };
        Ok(InputStream { bytes, file })
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

    /// Waits for bytes and adds them to `buffer`, as many as it has room for; returns 0 only at the end. Returns as soon as there is a
    /// byte, even if more would fit, so that rows that arrive slowly are not delayed.
    ///
    /// # Errors
    ///
    /// The file cannot be read or decompressed.
    pub(crate) fn read_more(&mut self, buffer: &mut BytesMut) -> Result<usize, SourceError> {
        let before = buffer.len();
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

    /// Converts the rest of the file to UTF-8, after these bytes, which were read before.
    pub(crate) fn convert(&mut self, encoding: TextEncoding, start: Bytes) {
        let rest = std::mem::replace(&mut self.bytes, Box::new(io::empty()));
        self.bytes = Box::new(Converter::new(encoding, start.reader().chain(rest)));
    }

    /// Returns the error for a failed read.
    fn failed(&self, source: io::Error) -> SourceError {
        match source.downcast::<DecompressError>() {
            Ok(error) => SourceError::in_file(&self.file.name, SourceErrorKind::Decompress(error)),
            Err(source) => self.file.io("read", source),
        }
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
