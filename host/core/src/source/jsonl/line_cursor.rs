//! Finds the keys and values of a line.

use super::super::column::TextColumn;
use super::values::is_space;
use crate::data_type::DataType;

/// A key of a line, for a comparison of its bytes at once.
#[derive(Debug)]
pub(super) struct KeyPattern {
    /// A comma and the key: `,"a":`.
    text: String,
    /// The first bytes of the text, and a mask for them. Keys are mostly shorter than this, and a call that compares memory of any
    /// length takes longer than the rest of a short value.
    start: u128,
    mask: u128,
}

impl KeyPattern {
    /// Creates the pattern of a column with this name.
    pub(super) fn new(name: &str) -> Self {
        let text = [",\"", name, "\":"].concat();
        let mut start = [0; 16];
        let length = text.len().min(16);
        start[..length].copy_from_slice(&text.as_bytes()[..length]);
        let mask = if length == 16 { u128::MAX } else { (1 << (8 * length)) - 1 };
        Self { text, start: u128::from_le_bytes(start), mask }
    }

    /// Returns the comma and the key.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    #[inline]
    fn starts(&self, line: &[u8]) -> bool {
        let text = self.text.as_bytes();
        match line.first_chunk::<16>() {
            Some(start) if (u128::from_le_bytes(*start) ^ self.start) & self.mask != 0 => false,
            Some(_) if text.len() <= 16 => true,
            _ => line.starts_with(text),
        }
    }
}

/// A position in a line.
pub(super) struct LineCursor<'l> {
    line: &'l str,
    at: usize,
}

/// A text: a range of the line, without the quotation marks.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextRange {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escapes: Escapes,
}

/// The escapes in a text, by how much they differ from those that sinks write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Escapes {
    None,
    /// Only those that sinks write as well.
    AsWritten,
    /// Also `\/`, which sinks write without the backslash.
    Slash,
    /// Also `\u` escapes, which are not checked.
    Unicode,
}

/// Every byte of a word is 1.
const ONES: u64 = u64::from_le_bytes([1; 8]);
/// Every byte of a word has its highest bit.
const HIGH: u64 = u64::from_le_bytes([0x80; 8]);

/// Returns whether a line with this column can have the common form, whose keys and values are found without a parser.
pub(super) fn has_common_form(column: &TextColumn) -> bool {
    let types = [DataType::Boolean, DataType::Integer, DataType::Float, DataType::Text];
    types.contains(&column.data_type) && is_plain(&column.name)
}

/// Returns whether a name has no characters that JSON escapes. Others have more than one spelling.
pub(super) fn is_plain(name: &str) -> bool {
    !name.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\'))
}

impl<'l> LineCursor<'l> {
    pub(super) fn new(line: &'l str) -> Self {
        Self { line, at: 0 }
    }

    /// The index of the next byte.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub(super) fn line(&self) -> &'l str {
        self.line
    }

    #[inline]
    fn bytes(&self) -> &'l [u8] {
        &self.line.as_bytes()[self.at..]
    }

    #[inline]
    fn skip_space(&mut self) {
        while self.bytes().first().is_some_and(|byte| is_space(*byte)) {
            self.at += 1;
        }
    }

    /// Skips white space and one expected byte.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        self.expect_all(&[byte])
    }

    #[inline]
    fn expect_all(&mut self, text: &[u8]) -> Option<()> {
        self.bytes().starts_with(text).then(|| self.at += text.len())
    }

    /// Skips a key with its comma, or without it if it is the first. Returns whether there is no white space in it and after it.
    #[inline]
    pub(super) fn key(&mut self, key: &KeyPattern, is_first: bool) -> Option<bool> {
        let found =
            if is_first { self.bytes().starts_with(&key.text.as_bytes()[1..]) } else { key.starts(self.bytes()) };
        if found {
            let next = self.at + key.text.len() - usize::from(is_first);
            self.at = next;
            self.skip_space();
            return Some(next == self.at);
        }
        if !is_first {
            self.expect(b',')?;
        }
        self.skip_space();
        self.expect_all(&key.text.as_bytes()[1..key.text.len() - 1])?;
        self.expect(b':')?;
        self.skip_space();
        Some(false)
    }

    /// Skips the end of the object and of the line.
    pub(super) fn end(mut self) -> Option<()> {
        self.expect(b'}')?;
        self.skip_space();
        (self.at == self.line.len()).then_some(())
    }

    /// Returns whether the next value is a text.
    #[inline]
    pub(super) fn is_at_text(&self) -> Option<bool> {
        self.bytes().first().map(|byte| *byte == b'"')
    }

    /// Takes a literal or number, which is not checked.
    #[inline]
    pub(super) fn token(&mut self) -> Option<&'l str> {
        let end = self.bytes().iter().position(|byte| is_space(*byte) || matches!(byte, b',' | b'}'))?;
        let token = &self.line[self.at..self.at + end];
        self.at += end;
        Some(token)
    }

    /// Takes an integer that fits into 64 bits, if it has the form in which sinks write it. One of more than 18 digits may fit as well.
    #[inline]
    pub(super) fn short_integer(&mut self) -> Option<()> {
        let bytes = self.bytes();
        let sign = usize::from(bytes.first() == Some(&b'-'));
        let digits = &bytes[sign..];
        let count = leading_digits(digits);
        let is_written = match count {
            1 => digits[0] != b'0' || sign == 0,
            2..=18 => digits[0] != b'0',
            _ => false,
        };
        let ends = digits.get(count).is_some_and(|byte| is_space(*byte) || matches!(byte, b',' | b'}'));
        (is_written && ends).then(|| self.at += sign + count)
    }

    /// Takes a text, if it has no control characters.
    #[inline]
    pub(super) fn text(&mut self) -> Option<TextRange> {
        let start = self.at + 1;
        let bytes = self.line.as_bytes();
        let mut at = start;
        let mut escapes = Escapes::None;
        let end = loop {
            at = find_special(bytes, at)?;
            match bytes[at] {
                b'"' => break at,
                b'\\' => {}
                _ => return None,
            }
            escapes = escapes.max(match bytes.get(at + 1)? {
                b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => Escapes::AsWritten,
                b'/' => Escapes::Slash,
                b'u' => Escapes::Unicode,
                _ => return None,
            });
            at += 2;
        };
        self.at = end + 1;
        Some(TextRange { start, end, escapes })
    }
}

/// Returns the number of digits at the start.
#[inline]
fn leading_digits(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk) ^ (ONES * u64::from(b'0'));
        // The lowest bit that is set is that of the first byte above 9: the bytes before it do not carry.
        let other = (word.wrapping_add(ONES * (0x80 - 10)) | word) & HIGH;
        if other != 0 {
            return at + other.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Returns the index of the next quotation mark, backslash or control character. Most texts are short, so the start is searched
/// without the set-up of vector instructions.
#[inline]
fn find_special(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        // The lowest bit that is set in each of these is that of the first byte that is found.
        let is_byte = |byte: u8| {
            let zero = word ^ (ONES * u64::from(byte));
            zero.wrapping_sub(ONES) & !zero
        };
        let is_control = word.wrapping_sub(ONES * 0x20) & !word;
        let found = (is_byte(b'"') | is_byte(b'\\') | is_control) & HIGH;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let is_special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    Some(at + bytes.get(at..)?.iter().position(is_special)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_integers_are_taken_as_sinks_write_them() {
        let taken = |text: &str| {
            let mut cursor = LineCursor::new(text);
            cursor.short_integer().map(|()| cursor.at())
        };
        for number in ["0", "7", "-1", "10", "12345678", "-123456789", "123456789012345678", "-999999999999999999"] {
            for end in [",", "}", " ", ",\"abcdefgh\":1}"] {
                assert_eq!(taken(&format!("{number}{end}")), Some(number.len()), "{number}{end}");
            }
            assert_eq!(taken(number), None);
        }
        for text in [
            "-0,",
            "01,",
            "00,",
            "-,",
            ",",
            "1.5,",
            "1e3,",
            "+1,",
            "1234567890123456789,",
            "12:,",
            "12/,",
            "1\u{7f},",
            "1é,",
        ] {
            assert_eq!(taken(text), None, "{text}");
        }
    }

    #[test]
    fn keys_of_every_length_are_found() {
        for length in 0..40 {
            let name = "k".repeat(length);
            let key = KeyPattern::new(&name);
            for rest in ["1", "1,\"more\":\"0123456789abcdef\""] {
                let line = format!("{}{rest}", key.text());
                let mut cursor = LineCursor::new(&line);
                assert_eq!((cursor.key(&key, false), cursor.at()), (Some(true), key.text().len()), "{line}");
                let other = line.replacen("\":", "!\":", 1);
                assert_eq!(LineCursor::new(&other).key(&key, false), None, "{other}");
                let mut first = LineCursor::new(&line[1..]);
                assert_eq!((first.key(&key, true), first.at()), (Some(true), key.text().len() - 1), "{line}");
            }
        }
    }

    #[test]
    fn special_bytes_are_found_at_every_place() {
        for byte in 0..=0xff_u8 {
            for place in 0..24 {
                let mut bytes = [b'!'; 24];
                bytes[place] = byte;
                bytes[23] = if place == 23 { byte } else { 0x1f };
                let is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
                let expected = if is_special { Some(place) } else { (place < 23).then_some(23) };
                assert_eq!(find_special(&bytes, 0), expected, "{byte} at {place}");
            }
        }
    }
}
