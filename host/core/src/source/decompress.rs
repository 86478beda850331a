//! Reads compressed files: gzip, Zstandard, bzip2 and xz, each with any number of members one after the other.
//!
//! Every byte of a file belongs to a member, or to zeros after one, with which tapes and block devices fill the last block.
//! Anything else is an error, so a file that was cut off or overwritten is never read as a shorter one.

mod zstd_frame;

use std::error::Error;
use std::fmt;
use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::Stream;

use super::look_ahead::LookAhead;
use crate::format::Compression;

/// The largest window by default, in bytes: that of `zstd` and of the other readers of Zstandard files.
pub(crate) const DEFAULT_MAX_WINDOW: u64 = 128 << 20;

/// The largest window that the library for Zstandard reads, in bytes.
const MAX_ZSTD_WINDOW: u64 = 2 << 30;

/// Memory that the decoder of xz needs besides its window, in bytes.
const XZ_OVERHEAD: u64 = 1 << 20;

/// A file that cannot be decompressed.
#[derive(Debug)]
pub(crate) struct DecompressError {
    compression: Compression,
    kind: DecompressErrorKind,
}

#[derive(Debug)]
enum DecompressErrorKind {
    /// The file has other content.
    OtherContent,
    /// The file ends within a member, or has none.
    Truncated,
    /// Other data follows the last member.
    TrailingData,
    /// A member needs a larger window than allowed. Sizes in bytes; xz does not say what it needs.
    Window { needed: Option<u64>, allowed: u64 },
    /// The member is correct, but this program cannot read it.
    Unsupported(&'static str),
    /// The data is invalid.
    Corrupt(io::Error),
}

impl fmt::Display for DecompressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compression = self.compression;
        match &self.kind {
            DecompressErrorKind::OtherContent => write!(
                f,
                "this file is not {compression}, although its name or the source says so; if it is not compressed, set \
                 `compression = \"none\"` in the source"
            ),
            DecompressErrorKind::Truncated => {
                write!(f, "the {compression} data is truncated: the file ends too early; copy or download it again")
            }
            DecompressErrorKind::TrailingData => {
                write!(
                    f,
                    "other data follows the {compression} data; the file was overwritten, or is not only {compression}"
                )
            }
            DecompressErrorKind::Window { needed: Some(needed), allowed } => write!(
                f,
                "this file was compressed with a long window: reading it needs {} of memory, and the limit is {}; set \
                 `max-window = \"{}\"` in the source",
                size(*needed),
                size(*allowed),
                size(*needed)
            ),
            DecompressErrorKind::Window { needed: None, allowed } => write!(
                f,
                "this file was compressed with a long window: reading it needs more than {} of memory, the limit; raise \
                 `max-window` in the source",
                size(*allowed)
            ),
            DecompressErrorKind::Unsupported(what) => {
                write!(f, "this file uses {what}, which is not supported; compress it again, or decompress it first")
            }
            DecompressErrorKind::Corrupt(_) => write!(f, "the {compression} data is corrupt"),
        }
    }
}

impl Error for DecompressError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            DecompressErrorKind::Corrupt(error) => Some(error),
            _ => None,
        }
    }
}

/// Returns a size in whole mebibytes, rounded up.
fn size(bytes: u64) -> String {
    format!("{}MiB", bytes.div_ceil(1 << 20))
}

/// Reads the content of all members of a compressed file.
pub(crate) struct Decompressor<R> {
    compression: Compression,
    max_window: u64,
    state: DecompressState<R>,
    has_member: bool,
}

enum DecompressState<R> {
    /// At the start of the file, or after a member.
    Between(LookAhead<R>),
    Gzip(Box<GzDecoder<LookAhead<R>>>),
    Zstd(zstd::stream::read::Decoder<'static, LookAhead<R>>),
    Bzip2(bzip2::bufread::BzDecoder<LookAhead<R>>),
    Xz(XzDecoder<LookAhead<R>>),
    /// An error was returned.
    Failed,
}

impl<R: Read> Decompressor<R> {
    /// Creates a reader of a file with this compression. `max_window` is in bytes.
    pub(super) fn new(compression: Compression, max_window: u64, input: LookAhead<R>) -> Self {
        Self { compression, max_window, state: DecompressState::Between(input), has_member: false }
    }

    /// Starts the next member; returns false at the end of the file.
    fn start_member(&mut self, mut input: LookAhead<R>) -> io::Result<bool> {
        if self.has_member {
            input.skip_zeros()?;
        }
        if input.peek(1)?.is_empty() {
            return if self.has_member { Ok(false) } else { Err(self.error(DecompressErrorKind::Truncated)) };
        }
        if let Some(what) = unsupported(input.peek(zstd_frame::HEADER_BYTES)?) {
            return Err(self.error(DecompressErrorKind::Unsupported(what)));
        }
        let magic: &[u8] = match self.compression {
            Compression::Gzip => &[0x1f, 0x8b],
            Compression::Bzip2 => b"BZh",
            Compression::Xz => b"\xfd7zXZ\0",
            Compression::Zstd => zstd_frame::magic(input.peek(4)?),
            Compression::None => &[],
        };
        let start = input.peek(magic.len())?;
        if start != magic {
            let is_cut = magic.starts_with(start);
            return Err(self.error(match self.has_member {
                _ if is_cut => DecompressErrorKind::Truncated,
                true => DecompressErrorKind::TrailingData,
                false => DecompressErrorKind::OtherContent,
            }));
        }
        self.has_member = true;
        self.state = match self.compression {
            Compression::Gzip => DecompressState::Gzip(Box::new(GzDecoder::new(input))),
            Compression::Bzip2 => DecompressState::Bzip2(bzip2::bufread::BzDecoder::new(input)),
            Compression::Xz => {
                let stream = Stream::new_stream_decoder(self.max_window.saturating_add(XZ_OVERHEAD), 0)?;
                DecompressState::Xz(XzDecoder::new_stream(input, stream))
            }
            Compression::Zstd => self.start_frame(input)?,
            Compression::None => unreachable!("a file without compression is read as it is"),
        };
        Ok(true)
    }

    fn start_frame(&self, mut input: LookAhead<R>) -> io::Result<DecompressState<R>> {
        let start = input.peek(zstd_frame::HEADER_BYTES)?;
        if let Some(length) = zstd_frame::skipped_length(start) {
            if input.skip(length)? < length {
                return Err(self.error(DecompressErrorKind::Truncated));
            }
            return Ok(DecompressState::Between(input));
        }
        if start.len() < 5 {
            return Err(self.error(DecompressErrorKind::Truncated));
        }
        let (window, needs_dictionary) = zstd_frame::window(start);
        if needs_dictionary {
            return Err(self.error(DecompressErrorKind::Unsupported("a Zstandard dictionary")));
        }
        if window > MAX_ZSTD_WINDOW {
            return Err(self.error(DecompressErrorKind::Unsupported("a window of more than 2 GiB")));
        }
        if window > self.max_window {
            return Err(self.error(DecompressErrorKind::Window { needed: Some(window), allowed: self.max_window }));
        }
        let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?.single_frame();
        // The library takes powers of two only. The exact size was compared above.
        decoder.window_log_max(self.max_window.next_power_of_two().ilog2().clamp(10, 31))?;
        Ok(DecompressState::Zstd(decoder))
    }

    fn error(&self, kind: DecompressErrorKind) -> io::Error {
        io::Error::other(DecompressError { compression: self.compression, kind })
    }

    /// Describes an error of a decoder. An error of the operating system is returned as it is.
    fn describe(&self, error: io::Error) -> io::Error {
        use liblzma::stream::Error as XzError;
        let is_described = error.get_ref().and_then(|error| error.downcast_ref::<DecompressError>()).is_some();
        if error.raw_os_error().is_some() || is_described {
            return error;
        }
        let of_xz = error.get_ref().and_then(|error| error.downcast_ref::<XzError>());
        self.error(match of_xz {
            Some(XzError::MemLimit) => DecompressErrorKind::Window { needed: None, allowed: self.max_window },
            Some(XzError::Options | XzError::UnsupportedCheck) => {
                DecompressErrorKind::Unsupported("a filter or check of xz")
            }
            _ if error.kind() == io::ErrorKind::UnexpectedEof => DecompressErrorKind::Truncated,
            _ => DecompressErrorKind::Corrupt(error),
        })
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match &mut self.state {
                DecompressState::Between(_) | DecompressState::Failed => 0,
                DecompressState::Gzip(decoder) => decoder.read(buffer)?,
                DecompressState::Zstd(decoder) => decoder.read(buffer)?,
                DecompressState::Bzip2(decoder) => decoder.read(buffer)?,
                DecompressState::Xz(decoder) => decoder.read(buffer)?,
            };
            if read > 0 {
                return Ok(read);
            }
            let input = match std::mem::replace(&mut self.state, DecompressState::Failed) {
                DecompressState::Between(input) => input,
                DecompressState::Gzip(decoder) => decoder.into_inner(),
                DecompressState::Zstd(decoder) => decoder.finish(),
                DecompressState::Bzip2(decoder) => decoder.into_inner(),
                DecompressState::Xz(decoder) => decoder.into_inner(),
                DecompressState::Failed => return Ok(0),
            };
            if !self.start_member(input)? {
                return Ok(0);
            }
        }
    }
}

impl<R: Read> Read for Decompressor<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match self.read_some(buffer) {
                // The decoders can be called again after this, and keep their state.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    return result.map_err(|error| {
                        let error = self.describe(error);
                        self.state = DecompressState::Failed;
                        error
                    });
                }
            }
        }
    }
}

/// Returns the name of a form of compression that is recognised and cannot be read.
fn unsupported(start: &[u8]) -> Option<&'static str> {
    Some(match start {
        [0x1f, 0x8b, method, ..] if *method != 8 => "a method of gzip other than deflate",
        [0x1e | 0x22..=0x27, 0xb5, 0x2f, 0xfd, ..] => "a Zstandard format from before version 0.8",
        [0x1f, 0x9d, ..] => "the compression of `compress` (.Z)",
        [b'P', b'K', 3, 4, ..] => "the format of zip archives and spreadsheets (.xlsx)",
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => "the format of 7z archives",
        [4, 0x22, 0x4d, 0x18, ..] => "LZ4",
        [b'L', b'Z', b'I', b'P', 1, ..] => "the compression of lzip",
        [0xff, 6, 0, 0, b's', b'N', b'a', b'P', b'p', b'Y'] => "Snappy",
        _ => return None,
    })
}

/// Checks that a file without a known compression does not start like one of another compression.
///
/// # Errors
///
/// It does, and its start is not text.
pub(super) fn check_plain(start: &[u8]) -> Result<(), DecompressError> {
    let is_text = || start.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'));
    match unsupported(start).filter(|_| !is_text()) {
        Some(what) => {
            Err(DecompressError { compression: Compression::None, kind: DecompressErrorKind::Unsupported(what) })
        }
        None => Ok(()),
    }
}
