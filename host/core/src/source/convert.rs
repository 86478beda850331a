//! Converts text in other encodings to UTF-8.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult};

use super::look_ahead::READ_BYTES;
use crate::format::TextEncoding;

/// A byte that is never part of UTF-8. It stands for each sequence of bytes that is not text in the encoding, so that the
/// check for UTF-8, which every text goes through, reports its line.
const NOT_TEXT: u8 = 0xff;

/// The space that one step of the decoder may need in the output, in bytes.
const MIN_SPACE: usize = 16;

/// Reads the text of another reader as UTF-8. A byte order mark at the start is left out.
pub(super) struct Converter<R> {
    bytes: R,
    decoder: Decoder,
    input: Box<[u8]>,
    start: usize,
    end: usize,
    has_ended: bool,
    /// Converted text that did not fit into the caller's buffer.
    rest: Vec<u8>,
    rest_start: usize,
    is_done: bool,
}

impl<R: Read> Converter<R> {
    pub(super) fn new(encoding: TextEncoding, bytes: R) -> Self {
        Self {
            bytes,
            decoder: encoding.get().new_decoder(),
            input: vec![0; READ_BYTES].into(),
            start: 0,
            end: 0,
            has_ended: false,
            rest: Vec::new(),
            rest_start: 0,
            is_done: false,
        }
    }

    /// Converts bytes into a buffer with enough space, and returns the number of bytes that were written: 0 at the end.
    fn convert(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.start == self.end && !self.has_ended {
                self.end = self.bytes.read(&mut self.input)?;
                self.start = 0;
                self.has_ended = self.end == 0;
            }
            if self.is_done {
                return Ok(0);
            }
            let space = buffer.len() - 1;
            let (result, read, mut written) = self.decoder.decode_to_utf8_without_replacement(
                &self.input[self.start..self.end],
                &mut buffer[..space],
                self.has_ended,
            );
            self.start += read;
            match result {
                DecoderResult::Malformed(..) => {
                    buffer[written] = NOT_TEXT;
                    written += 1;
                }
                DecoderResult::InputEmpty => self.is_done = self.has_ended,
                DecoderResult::OutputFull => {}
            }
            if written > 0 {
                return Ok(written);
            }
        }
    }
}

impl<R: Read> Read for Converter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest_start == self.rest.len() {
            if buffer.len() >= MIN_SPACE || buffer.is_empty() {
                return if buffer.is_empty() { Ok(0) } else { self.convert(buffer) };
            }
            let mut rest = vec![0; MIN_SPACE];
            let written = self.convert(&mut rest)?;
            rest.truncate(written);
            (self.rest, self.rest_start) = (rest, 0);
        }
        let count = buffer.len().min(self.rest.len() - self.rest_start);
        buffer[..count].copy_from_slice(&self.rest[self.rest_start..self.rest_start + count]);
        self.rest_start += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(encoding: &str, bytes: &[u8], at_once: usize) -> Vec<u8> {
        let mut converter = Converter::new(TextEncoding::from_name(encoding).unwrap(), bytes);
        let mut all = Vec::new();
        let mut buffer = vec![0; at_once];
        loop {
            match converter.read(&mut buffer).unwrap() {
                0 => return all,
                read => all.extend_from_slice(&buffer[..read]),
            }
        }
    }

    #[test]
    fn text_in_other_encodings_becomes_utf8() {
        let utf16: Vec<u8> = "\u{feff}é🦀\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for at_once in [1, 7, 100] {
            assert_eq!(converted("latin-1", b"caf\xe9 \x80", at_once), "café €".as_bytes());
            assert_eq!(converted("utf-16", &utf16, at_once), "é🦀\n".as_bytes());
            assert_eq!(converted("shift_jis", b"\x83\x65\n", at_once), "テ\n".as_bytes());
            assert_eq!(converted("shift_jis", b"a\x83\nb", at_once), b"a\xff\nb");
            assert_eq!(converted("utf-16le", b"a\0b", at_once), b"a\xff");
        }
    }
}
