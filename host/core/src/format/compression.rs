//! Compressions of whole files, by name, by file name ending and by content.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::ending;

/// Compression of a whole file, outside its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Compression {
    /// No compression.
    None,
    /// gzip (RFC 1952), one or more members.
    Gzip,
    /// Zstandard (RFC 8878), one or more frames.
    Zstd,
    /// bzip2, one or more streams. Only sources read it.
    Bzip2,
    /// xz, one or more streams. Only sources read it.
    Xz,
}

/// The number of bytes that [`Compression::from_content`] needs at most.
pub(crate) const MAGIC_BYTES: usize = 64;

/// The first bytes of a bzip2 stream after the block size: the mark of a block, or that of the end.
const BZIP2_MARKS: [&[u8]; 2] = [b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"];

impl Compression {
    /// The compressions that sources read.
    pub(crate) const READ: [Self; 5] = [Self::None, Self::Gzip, Self::Zstd, Self::Bzip2, Self::Xz];
    /// The compressions that sinks write.
    pub(crate) const WRITTEN: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// The name in pipeline files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }

    /// Returns the compression for a file name's ending: `.gz`, `.zst`, `.zstd`, `.bz2`, `.xz`; otherwise none.
    pub(crate) fn from_path(path: &Path) -> Self {
        match ending(path).as_deref() {
            Some("gz") => Self::Gzip,
            Some("zst" | "zstd") => Self::Zstd,
            Some("bz2") => Self::Bzip2,
            Some("xz") => Self::Xz,
            _ => Self::None,
        }
    }

    /// Returns the compression of a sink for a file name's ending: as [`from_path`](Self::from_path), but none for one that
    /// sinks do not write.
    pub(crate) fn from_output_path(path: &Path) -> Self {
        let compression = Self::from_path(path);
        if Self::WRITTEN.contains(&compression) { compression } else { Self::None }
    }

    /// Returns a path without the ending of a compression.
    pub(crate) fn strip_ending(path: &Path) -> PathBuf {
        if Self::from_path(path) == Self::None { path.to_path_buf() } else { path.with_extension("") }
    }

    /// Returns the compression that the first bytes of a file show. Text is never taken for compressed data: the marks
    /// of gzip, Zstandard and xz are not UTF-8, and that of bzip2, which is, has to be followed by bytes that are not text.
    pub(crate) fn from_content(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            // A frame, or a frame to skip.
            [0x28 | 0x50..=0x5f, rest @ ..] if is_zstd(start[0], rest) => Self::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] if is_bzip2(rest) => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            _ => Self::None,
        }
    }

    /// Returns whether more bytes could change the result of [`from_content`](Self::from_content) from none.
    pub(crate) fn needs_more(start: &[u8]) -> bool {
        let frames = [[0x28, 0xb5, 0x2f, 0xfd], [0x50, 0x2a, 0x4d, 0x18]];
        let begins = |magic: &[u8]| magic.starts_with(start);
        let is_bzip2 = start.len() < MAGIC_BYTES && (begins(b"BZh") || start.starts_with(b"BZh"));
        // The first byte of a frame to skip varies.
        let is_skipped = matches!(start, [0x50..=0x5f, rest @ ..] if [0x2a, 0x4d, 0x18].starts_with(rest));
        start.is_empty()
            || begins(&[0x1f, 0x8b, 8])
            || frames.iter().any(|magic| begins(magic))
            || begins(b"\xfd7zXZ\0")
            || is_skipped
            || is_bzip2
    }
}

fn is_zstd(first: u8, rest: &[u8]) -> bool {
    match first {
        0x28 => rest.starts_with(&[0xb5, 0x2f, 0xfd]),
        _ => rest.starts_with(&[0x2a, 0x4d, 0x18]) && rest.len() > 3,
    }
}

/// Returns whether bytes after `BZh9` belong to a bzip2 stream. A table may have a column `BZh91AY&SY`, but then the
/// bytes that follow are text, whereas a stream has a checksum and bit fields there.
fn is_bzip2(rest: &[u8]) -> bool {
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    BZIP2_MARKS.iter().any(|mark| rest.starts_with(mark))
        && !rest[..rest.len().min(MAGIC_BYTES - 4)].iter().all(is_text)
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compression {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::READ.into_iter().find(|compression| compression.name() == name).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_not_taken_for_compressed_data() {
        for text in ["", "BZh", "BZh91AY&SY,b\n1,2\n", "BZh9 prices,x\n", "PK,id\n", "(\u{b5}/,a", "7zXZ"] {
            assert_eq!(Compression::from_content(text.as_bytes()), Compression::None, "{text}");
        }
        assert_eq!(Compression::from_content(b"\x28\xb5\x2f\xfd\x20"), Compression::Zstd);
        assert_eq!(Compression::from_content(b"BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0"), Compression::Bzip2);
        assert_eq!(Compression::from_content(b"\xfd7zXZ\0"), Compression::Xz);
    }

    #[test]
    fn more_bytes_are_asked_for_only_if_they_decide() {
        for start in [&b""[..], b"\x1f", b"B", b"BZh9", b"\xfd7z", b"\x28\xb5", b"\x51\x2a"] {
            assert!(Compression::needs_more(start), "{start:?}");
        }
        for start in [&b"{"[..], b"\xEF\xBB\xBF", b"BZip", b"\x1f\x8c", b"id,text"] {
            assert!(!Compression::needs_more(start), "{start:?}");
        }
    }
}
