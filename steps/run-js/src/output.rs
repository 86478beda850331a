//! Text of limited length.

use std::fmt::Write as _;

/// Stores the start of what is written.
#[derive(Debug)]
pub(crate) struct Output {
    text: String,
    left: usize,
    lost: usize,
}

impl Output {
    /// Creates an empty output of at most this number of characters.
    pub(crate) fn new(most: usize) -> Self {
        Self { text: String::new(), left: most, lost: 0 }
    }

    /// Adds a text, or its start.
    pub(crate) fn write(&mut self, text: &str) {
        let end = text.char_indices().nth(self.left).map_or(text.len(), |(end, _)| end);
        let (part, rest) = text.split_at(end);
        self.text.push_str(part);
        self.left -= part.chars().count();
        self.lost += rest.chars().count();
    }

    /// Returns the text, with the number of characters that are missing.
    pub(crate) fn into_text(mut self) -> String {
        if self.lost > 0 {
            let _ = write!(self.text, "\n[{} more characters]", self.lost);
        }
        self.text
    }

    /// Returns the start of a text.
    pub(crate) fn cut(text: &str, most: usize) -> String {
        let mut output = Self::new(most);
        output.write(text);
        output.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(Output::cut("äöü", 3), "äöü");
        assert_eq!(Output::cut("äöü", 2), "äö\n[1 more characters]");
        assert_eq!(Output::cut("ä", 0), "\n[1 more characters]");
    }
}
