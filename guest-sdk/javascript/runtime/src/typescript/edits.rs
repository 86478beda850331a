//! Changes of a source text that keep the line and column of everything else.

/// Replaces ranges of a text by white space of the same shape.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// Ranges in bytes, and the character that takes the place of the first or the last one.
    blanks: Vec<Blank>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Blank {
    start: usize,
    end: usize,
    first: Option<char>,
    last: Option<char>,
}

impl Edits {
    /// Removes a range.
    pub(super) fn blank(&mut self, start: u32, end: u32) {
        self.add(start, end, None, None);
    }

    /// Removes a range whose place a statement or an element of a class must not cross.
    pub(super) fn blank_with_semicolon(&mut self, start: u32, end: u32) {
        self.add(start, end, Some(';'), None);
    }

    /// Removes a range, and puts a character at its start.
    pub(super) fn blank_with_start(&mut self, start: u32, end: u32, first: char) {
        self.add(start, end, Some(first), None);
    }

    /// Removes a range, and puts a character at its end.
    pub(super) fn blank_with_end(&mut self, start: u32, end: u32, last: char) {
        self.add(start, end, None, Some(last));
    }

    fn add(&mut self, start: u32, end: u32, first: Option<char>, last: Option<char>) {
        if start < end {
            self.blanks.push(Blank { start: start as usize, end: end as usize, first, last });
        }
    }

    /// Returns the text with the changes. A range within another one has no effect.
    pub(super) fn apply(mut self, source: &str) -> String {
        self.blanks.sort_by_key(|blank| (blank.start, std::cmp::Reverse(blank.end)));
        let mut text = String::with_capacity(source.len());
        let mut at = 0;
        for blank in self.blanks {
            if blank.start < at {
                continue;
            }
            text.push_str(&source[at..blank.start]);
            let mut inner = source[blank.start..blank.end].chars().peekable();
            let mut is_first = true;
            while let Some(c) = inner.next() {
                let is_line_end = matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}');
                text.push(match (std::mem::take(&mut is_first), blank.first, inner.peek(), blank.last) {
                    (true, Some(first), ..) => first,
                    (_, _, None, Some(last)) => last,
                    _ if is_line_end => c,
                    _ => ' ',
                });
            }
            at = blank.end;
        }
        text.push_str(&source[at..]);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_keeps_lines_and_columns() {
        let mut edits = Edits::default();
        let text = "ab é\n😀 cd";
        edits.blank(1, text.len() as u32 - 1);
        edits.blank(3, 4);
        let done = edits.apply(text);
        assert_eq!(done.chars().count(), text.chars().count());
        assert_eq!(done.lines().count(), 2);
        assert!(done.starts_with("a ") && done.ends_with(" d"));
    }
}
