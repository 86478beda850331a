//! Counts brackets within each other. The parsers call themselves for each.

/// Returns the place of the first bracket that is within more than `most` others. Brackets in texts, comments and regular expressions do
/// not count.
pub(crate) fn first_too_deep(source: &str, most: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    let mut scanner = Scanner { bytes, at: 0, previous: b';', open: Vec::new() };
    while let Some(byte) = scanner.peek(0) {
        scanner.step(byte);
        if scanner.open.len() > most {
            return Some(scanner.at - 1);
        }
    }
    None
}

struct Scanner<'s> {
    bytes: &'s [u8],
    at: usize,
    /// The last character that is neither white space nor in a comment.
    previous: u8,
    /// The brackets that are open. A `$` is that of a template.
    open: Vec<u8>,
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn step(&mut self, byte: u8) {
        self.at += 1;
        match byte {
            b'(' | b'[' | b'{' => self.open.push(byte),
            b')' | b']' => {
                self.open.pop();
            }
            b'}' if self.open.pop() == Some(b'$') => self.template(),
            b'"' | b'\'' => self.skip_to(byte),
            b'`' => self.template(),
            b'/' if self.peek(0) == Some(b'/') => return self.skip_while(|rest| rest[0] != b'\n'),
            b'/' if self.peek(0) == Some(b'*') => {
                self.skip_while(|rest| !rest.starts_with(b"*/"));
                self.at = (self.at + 2).min(self.bytes.len());
                return;
            }
            b'/' if self.begins_expression() => self.regular_expression(),
            byte if byte.is_ascii_whitespace() => return,
            _ => {}
        }
        self.previous = byte;
    }

    fn skip_while(&mut self, is_inside: impl Fn(&[u8]) -> bool) {
        while self.at < self.bytes.len() && is_inside(&self.bytes[self.at..]) {
            self.at += 1;
        }
    }

    /// Skips a text in quotation marks. One that ends with its line is a mistake, which the parser reports.
    fn skip_to(&mut self, quote: u8) {
        while let Some(byte) = self.peek(0).filter(|byte| *byte != b'\n') {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == quote {
                return;
            }
        }
    }

    /// Skips a template, up to its end or to `${`.
    fn template(&mut self) {
        while let Some(byte) = self.peek(0) {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'`' {
                return;
            }
            if byte == b'$' && self.peek(0) == Some(b'{') {
                self.at += 1;
                self.open.push(b'$');
                return;
            }
        }
    }

    /// Returns whether a slash here is the begin of a regular expression, and not a division.
    fn begins_expression(&self) -> bool {
        let end =
            self.bytes[..self.at - 1].iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |last| last + 1);
        let words: [&[u8]; 6] = [b"return", b"typeof", b"case", b"in", b"of", b"yield"];
        let is_operand = self.previous.is_ascii_alphanumeric() || b"_$)]}\"'`".contains(&self.previous);
        !is_operand || words.iter().any(|word| self.bytes[..end].ends_with(word))
    }

    /// Skips a regular expression, which ends on its line. Otherwise the slash is a division.
    fn regular_expression(&mut self) {
        let start = self.at;
        let mut is_class = false;
        while let Some(byte) = self.peek(0).filter(|byte| *byte != b'\n') {
            self.at += if byte == b'\\' { 2 } else { 1 };
            match byte {
                b'[' => is_class = true,
                b']' => is_class = false,
                b'/' if !is_class => return,
                _ => {}
            }
        }
        self.at = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_texts_comments_and_regular_expressions_do_not_count() {
        for source in [
            "':(' + \":[\" + '\\'(' + \"\\\\\"",
            "// ((((\n/* [[[[ */",
            "`((( \\` {{{`",
            "x = /[(/[]{/.test(y)",
            "return /((/",
            "`${ `[[[ ${ `{{` } [[[` } (((`",
        ] {
            assert_eq!(first_too_deep(source, 2), None, "{source}");
        }
        assert_eq!(first_too_deep("'((' + ((([", 2), Some(9));
        assert_eq!(first_too_deep("a / (b / ((c", 2), Some(10));
        assert_eq!(first_too_deep("`${(`${(", 3), Some(7));
        assert_eq!(first_too_deep("'é' + ((", 1), Some(8));
        assert_eq!(first_too_deep("'((", 1), None);
        assert_eq!(first_too_deep("\"\\", 1), None);
    }
}
