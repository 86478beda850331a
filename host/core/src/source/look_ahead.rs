//! A buffered reader that can look at bytes before they are read.

use std::io::{self, BufRead, Read};

/// Bytes requested from the operating system in one read. A multiple of the 64 KiB that a pipe holds.
pub(crate) const READ_BYTES: usize = 128 << 10;

/// Buffers an input.
pub(crate) struct LookAhead<R> {
    input: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<R: Read> LookAhead<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, buffer: vec![0; READ_BYTES].into(), start: 0, end: 0 }
    }

    /// Returns the next bytes without reading them: this many, or fewer at the end of the input.
    pub(crate) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.end - self.start < count && self.read_more()? > 0 {}
        Ok(&self.buffer[self.start..self.end.min(self.start + count)])
    }

    /// Reads until `is_enough` returns true for all bytes in the buffer, and returns them.
    pub(crate) fn peek_until(&mut self, is_enough: impl Fn(&[u8]) -> bool) -> io::Result<&[u8]> {
        while !is_enough(&self.buffer[self.start..self.end]) && self.read_more()? > 0 {}
        Ok(&self.buffer[self.start..self.end])
    }

    fn read_more(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(read) => {
                    self.end += read;
                    return Ok(read);
                }
            }
        }
    }

    /// Skips zeros.
    pub(crate) fn skip_zeros(&mut self) -> io::Result<()> {
        loop {
            let zeros = self.fill_buf()?.iter().take_while(|byte| **byte == 0).count();
            self.consume(zeros);
            if zeros == 0 || self.start < self.end {
                return Ok(());
            }
        }
    }

    /// Skips bytes, and returns how many there were.
    pub(crate) fn skip(&mut self, count: u64) -> io::Result<u64> {
        let mut skipped = 0;
        while skipped < count {
            let there = self.fill_buf()?.len();
            if there == 0 {
                break;
            }
            let now = usize::try_from(count - skipped).map_or(there, |rest| rest.min(there));
            self.consume(now);
            skipped += now as u64;
        }
        Ok(skipped)
    }
}

impl<R: Read> BufRead for LookAhead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.read_more()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }
}

impl<R: Read> Read for LookAhead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Large reads need no copy once the buffer is empty.
        if self.start == self.end && buffer.len() >= self.buffer.len() / 4 {
            return self.input.read(buffer);
        }
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}
