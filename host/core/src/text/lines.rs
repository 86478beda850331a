//! The lines of a stream that arrives in parts.

use memchr::memchr;

/// Splits a stream into lines. It keeps the begin of a line whose end has not arrived.
#[derive(Debug)]
pub(crate) struct LineSplitter {
    begun: Vec<u8>,
    max_bytes: usize,
}

impl LineSplitter {
    /// Creates a splitter that passes on a line of more than `max_bytes` in parts.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { begun: Vec::new(), max_bytes }
    }

    /// Passes on the lines that end in these bytes, without their ends. Bytes that are not UTF-8 are replaced.
    pub(crate) fn add(&mut self, mut bytes: &[u8], mut on_line: impl FnMut(&str)) {
        while !bytes.is_empty() {
            let room = &bytes[..bytes.len().min(self.max_bytes - self.begun.len())];
            if let Some(end) = memchr(b'\n', room) {
                self.begun.extend_from_slice(&bytes[..end]);
                bytes = &bytes[end + 1..];
                self.pass_on(self.begun.len(), &mut on_line);
            } else {
                self.begun.extend_from_slice(room);
                bytes = &bytes[room.len()..];
                if self.begun.len() == self.max_bytes {
                    self.pass_on(whole_characters(&self.begun), &mut on_line);
                }
            }
        }
    }

    /// Passes on the last line, if it has no end.
    pub(crate) fn end(&mut self, mut on_line: impl FnMut(&str)) {
        if !self.begun.is_empty() {
            self.pass_on(self.begun.len(), &mut on_line);
        }
    }

    fn pass_on(&mut self, length: usize, on_line: &mut impl FnMut(&str)) {
        on_line(String::from_utf8_lossy(&self.begun[..length]).trim_end_matches('\r'));
        self.begun.drain(..length);
    }
}

/// Returns the length without a character that is cut off at the end.
fn whole_characters(text: &[u8]) -> usize {
    let is_first = |byte: &u8| *byte & 0b1100_0000 != 0b1000_0000;
    match text.iter().rev().take(4).position(is_first) {
        Some(after) if text[text.len() - 1 - after] >= 0b1100_0000 => text.len() - 1 - after,
        _ => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_in_whatever_parts_they_arrive() {
        let text = "first\r\n\nthird ü\n0123456789é12\nlast".as_bytes();
        for size in 1..=text.len() {
            let (mut splitter, mut lines) = (LineSplitter::new(11), Vec::new());
            text.chunks(size).for_each(|part| splitter.add(part, |line| lines.push(line.to_owned())));
            splitter.end(|line| lines.push(line.to_owned()));
            assert_eq!(lines, ["first", "", "third ü", "0123456789", "é12", "last"], "parts of {size}");
        }
    }
}
