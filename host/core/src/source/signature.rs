//! Recognises files of another kind by their first bytes, so that they are not reported as damaged, or read as text.

use std::fmt;

use crate::format::Format;

/// The number of bytes that [`FileKind::from_content`] needs at most.
pub(super) const SIGNATURE_BYTES: usize = 64;

/// A kind of file that a source of another format cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileKind {
    /// The name of the kind.
    name: &'static str,
    /// The format of Stillbox that it is.
    format: Option<Format>,
    /// What to do, unless it is a format of Stillbox.
    advice: &'static str,
}

const CONVERT: &str = "convert it to Parquet, CSV or JSON Lines";

/// First bytes that are not text, with their kinds.
const BINARY: [(&[u8], FileKind); 9] = [
    (b"PAR1", FileKind { name: "a Parquet file", format: Some(Format::Parquet), advice: "" }),
    (b"ARROW1", FileKind { name: "an Arrow file", format: Some(Format::Arrow), advice: "" }),
    (b"PARE", FileKind::new("an encrypted Parquet file", "decrypt it first")),
    (b"FEA1", FileKind::new("a Feather file of version 1", "write it in version 2, which is Arrow IPC")),
    (b"ORC", FileKind::new("an ORC file", CONVERT)),
    (b"Obj\x01", FileKind::new("an Avro file", CONVERT)),
    (b"\x89HDF\r\n\x1a\n", FileKind::new("an HDF5 file", CONVERT)),
    (b"SQLite format 3\0", FileKind::new("an SQLite database", CONVERT)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind::new("an old Excel file (.xls)", CONVERT)),
];

/// Starts of texts that are rows of no format, in lower case, with their kinds.
const TEXT: [(&str, FileKind); 5] = [
    (
        "version https://git-lfs.github.com/spec/",
        FileKind::new("a pointer of Git LFS, not the file itself", "run `git lfs pull`"),
    ),
    ("<!doctype html", FileKind::HTML),
    ("<html", FileKind::HTML),
    ("<?xml", FileKind::new("an XML file", CONVERT)),
    ("%pdf-", FileKind::new("a PDF file", CONVERT)),
];

impl FileKind {
    const HTML: Self = Self::new("an HTML page", "download the file again; a server may have sent an error page");

    const fn new(name: &'static str, advice: &'static str) -> Self {
        Self { name, format: None, advice }
    }

    /// Returns whether the file is in this format.
    pub(super) fn is(self, format: Format) -> bool {
        self.format == Some(format)
    }

    /// Returns the kind of a file with this start, if it is certain.
    pub(super) fn from_content(start: &[u8]) -> Option<Self> {
        let start = &start[..start.len().min(SIGNATURE_BYTES)];
        // A CSV file may start with a column `ORC`, but not have zeros or other control characters next to it.
        let binary = BINARY.iter().find(|(magic, _)| start.starts_with(magic)).filter(|_| !is_text(start));
        let is_start =
            |text: &str| start.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()));
        let text = || TEXT.iter().find(|(text, _)| is_start(text)).map(|(_, kind)| *kind);
        binary.map(|(_, kind)| *kind).or_else(text)
    }

    /// Returns the kind of a file with this start that has to be binary. Text is another kind.
    pub(super) fn from_binary(start: &[u8]) -> Option<Self> {
        let start = &start[..start.len().min(SIGNATURE_BYTES)];
        let text = Self::new("a text file", "correct `format` in the source");
        let has_magic = BINARY.iter().any(|(magic, _)| start.starts_with(magic));
        Self::from_content(start).or_else(|| (!start.is_empty() && !has_magic && is_text(start)).then_some(text))
    }
}

/// Returns whether bytes, which may end within a character, are text.
fn is_text(bytes: &[u8]) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
        Err(_) => return false,
    };
    !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\r' | '\n'))
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is {}; ", self.name)?;
        match self.format {
            Some(format) => write!(f, "set `format = \"{}\"` in the source", format.name()),
            None => f.write_str(self.advice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(start: &[u8]) -> Option<String> {
        FileKind::from_content(start).map(|kind| kind.to_string())
    }

    #[test]
    fn files_of_other_kinds_are_recognised() {
        let parquet = message(b"PAR1\x15\x04\x15\x10");
        assert_eq!(parquet.as_deref(), Some("this is a Parquet file; set `format = \"parquet\"` in the source"));
        let page = message(b"<!DOCTYPE html>\n<html>");
        let expected = "this is an HTML page; download the file again; a server may have sent an error page";
        assert_eq!(page.as_deref(), Some(expected));
        let pointer = message(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21");
        assert_eq!(pointer.as_deref(), Some("this is a pointer of Git LFS, not the file itself; run `git lfs pull`"));
    }

    #[test]
    fn text_that_starts_like_another_file_is_text() {
        assert_eq!(FileKind::from_binary(b"\xff\xff\xff\xff\x10\0\0\0"), None);
        let text = FileKind::from_binary("id;ä".as_bytes()).map(|kind| kind.to_string());
        assert_eq!(text.as_deref(), Some("this is a text file; correct `format` in the source"));
        for text in ["ORC,PAR1\n1,2\n", "PAR1\n", "PARE\r\n\t1", "version,html\n", "{\"a\":1}\n", ""] {
            assert_eq!(message(text.as_bytes()), None, "{text}");
        }
    }
}
