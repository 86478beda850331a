//! Conversion of byte offsets to lines and columns.

/// The offsets at which the lines of a text start. A lookup is a binary search instead of a pass over the text.
pub(super) struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|end| end + 1)).collect();
        Self { text, starts }
    }

    /// The index of the line of a byte, from 0. A newline belongs to the line that it ends.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) - 1
    }

    /// The line, and the column in characters, both from 1. An offset past the end counts as the end. An offset inside a
    /// character counts as the start of the character.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let line = self.line(offset);
        let start = self.starts[line];
        let column =
            self.text[start..].char_indices().take_while(|(at, c)| start + at + c.len_utf8() <= offset).count();
        (line + 1, column + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let text = "añb\r\n\nlast";
        let lines = LineIndex::new(text);
        assert_eq!(lines.position(0), (1, 1));
        assert_eq!(lines.position(1), (1, 2));
        assert_eq!(lines.position(2), (1, 2), "inside a character");
        assert_eq!(lines.position(3), (1, 3));
        assert_eq!(lines.position(5), (1, 5), "a newline belongs to its line");
        assert_eq!(lines.position(6), (2, 1));
        assert_eq!(lines.position(text.len()), (3, 5));
        assert_eq!(lines.position(1000), (3, 5), "past the end");
        assert_eq!(LineIndex::new("").position(0), (1, 1));
    }
}
