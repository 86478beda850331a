//! An open text file: its bytes that are not in a chunk yet, and its layout.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;

use super::super::chunk::{LineEnd, TextLayout};
use super::super::error::{SourceError, SourceErrorKind};
use super::super::files::{InputFile, InputStream};
use super::super::place::FilePosition;
use super::super::signature::FileKind;
use super::ROW_BYTES;
use super::read_buffer::ReadBuffer;
use crate::format::TextEncoding;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The file that is being read.
pub(crate) struct OpenTextFile {
    input: InputStream,
    /// Bytes that are not in a chunk yet.
    buffer: ReadBuffer,
    /// Whether the whole file is read.
    pub(super) ended: bool,
    /// The number of the first line in the buffer.
    pub(super) line: u64,
    /// Number of bytes before the buffer on that line.
    pub(super) bytes_before: u64,
    /// Number of rows before the buffer.
    pub(super) rows: u64,
    /// Bytes that were searched in vain for the end of a row.
    pub(super) reread: usize,
    /// The layout, set while the file is started.
    pub(crate) layout: Arc<TextLayout>,
}

impl OpenTextFile {
    /// Opens a file, and skips its byte order mark. A mark of UTF-16 sets the encoding.
    pub(super) fn open(file: &InputFile, count: &Arc<AtomicU64>) -> Result<Self, SourceError> {
        let input = file.open(count)?;
        let layout = TextLayout { encoding: file.encoding, ..TextLayout::default() };
        let mut open = Self {
            input,
            buffer: ReadBuffer::default(),
            ended: false,
            line: 1,
            bytes_before: 0,
            rows: 0,
            reread: 0,
            layout: Arc::new(layout),
        };
        if !file.encoding.is_utf8() {
            open.input.convert(file.encoding, Bytes::new());
            return Ok(open);
        }
        // A pipe may return fewer bytes than the byte order mark has.
        let marks = [BYTE_ORDER_MARK, b"\xFF\xFE\0\0", b"\xFE\xFF"];
        while !open.ended && marks.iter().any(|mark| mark.len() > open.buffer.len() && mark.starts_with(&open.buffer)) {
            open.fill()?;
        }
        if let Some(kind) = FileKind::from_content(&open.buffer) {
            return Err(SourceError::in_file(open.name(), SourceErrorKind::OtherKind(kind)));
        }
        let utf16 = match &open.buffer[..] {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
                return Err(open.on_line(SourceErrorKind::Utf32));
            }
            [0xff, 0xfe, ..] => TextEncoding::UTF_16LE,
            [0xfe, 0xff, ..] => TextEncoding::UTF_16BE,
            [first, second, ..] if (*first == 0) != (*second == 0) => {
                let encoding = if *first == 0 { TextEncoding::UTF_16BE } else { TextEncoding::UTF_16LE };
                return Err(open.on_line(SourceErrorKind::NoUtf16Mark { encoding }));
            }
            buffer => {
                if buffer.starts_with(BYTE_ORDER_MARK) {
                    open.buffer.skip(BYTE_ORDER_MARK.len());
                }
                return Ok(open);
            }
        };
        let start = open.buffer.take(open.buffer.len());
        open.input.convert(utf16, start);
        open.ended = false;
        open.layout = Arc::new(TextLayout { encoding: utf16, ..TextLayout::default() });
        Ok(open)
    }

    /// Returns the bytes that are read and not taken.
    pub(crate) fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// Returns whether the buffer has the end of the file.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Returns whether all of the file is taken.
    pub(super) fn is_at_end(&self) -> bool {
        self.ended && self.buffer.is_empty()
    }

    /// Returns the file.
    pub(crate) fn file(&self) -> &InputFile {
        self.input.file()
    }

    /// Returns the name of the file in messages.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.input.file().name
    }

    /// Returns the number of the first line in the buffer.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Returns the layout, to change it.
    pub(crate) fn layout_mut(&mut self) -> &mut TextLayout {
        Arc::make_mut(&mut self.layout)
    }

    /// Reads more bytes into the buffer, or finds that the file has ended.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(crate) fn fill(&mut self) -> Result<(), SourceError> {
        self.ended = self.input.read_more(self.buffer.with_room())? == 0;
        Ok(())
    }

    /// Takes bytes with this number of line breaks from the buffer. They are not copied: chunks from the same read share
    /// its memory.
    pub(crate) fn take(&mut self, end: usize, lines: u64) -> Bytes {
        self.line += lines;
        let bytes = self.buffer.take(end);
        let before = if lines == 0 { self.bytes_before } else { 0 };
        self.bytes_before = before + (end - self.layout.line_end.last_line(&bytes)) as u64;
        bytes
    }

    /// Takes bytes from the buffer, and counts their lines.
    pub(super) fn take_lines(&mut self, end: usize) -> Bytes {
        let lines = self.layout.line_end.count(&self.buffer[..end]);
        self.take(end, lines)
    }

    /// Takes the complete lines from the buffer.
    pub(crate) fn take_blank_lines(&mut self) {
        let end = self.layout.line_end.last_line(&self.buffer);
        drop(self.take_lines(end));
    }

    /// Skips everything up to the end of the line. Returns whether the line ended, and not the file.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(crate) fn skip_line(&mut self) -> Result<bool, SourceError> {
        loop {
            match self.layout.line_end.find(&self.buffer) {
                Some((end, may_be_longer)) if self.ended || !may_be_longer => {
                    self.take(end, 1);
                    return Ok(true);
                }
                // All but the CR, to which an LF may belong.
                Some((end, _)) => self.buffer.skip(end - 1),
                None => self.buffer.skip(self.buffer.len()),
            }
            if self.ended {
                return Ok(false);
            }
            self.fill()?;
        }
    }

    /// Checks that the buffer, which holds the start of one row, is not longer than a row may be.
    ///
    /// # Errors
    ///
    /// It is longer.
    pub(crate) fn check_row_length(&self) -> Result<(), SourceError> {
        if self.buffer.len() <= ROW_BYTES {
            return Ok(());
        }
        let quoted = self.layout.line_end.find(&self.buffer).is_some();
        Err(self.on_line(SourceErrorKind::RowTooLong { limit: ROW_BYTES, quoted }))
    }

    /// Creates an error on the first line in the buffer.
    pub(crate) fn on_line(&self, kind: SourceErrorKind) -> SourceError {
        SourceError::on_line(self.name(), self.line, kind)
    }

    /// Creates an error at a byte of the buffer.
    pub(super) fn error_at(&self, at: usize, kind: SourceErrorKind) -> SourceError {
        let before = &self.buffer[..at.min(self.buffer.len())];
        let line = self.line + LineEnd::Lf.count(before);
        let line_start = LineEnd::Lf.last_line(before);
        let before_buffer = if line_start == 0 { self.bytes_before } else { 0 };
        let byte = before_buffer + (before.len() - line_start) as u64 + 1;
        SourceError::at(self.name(), FilePosition::Byte(line, byte), kind)
    }
}
