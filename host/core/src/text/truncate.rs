//! Truncating text between characters.

use std::borrow::Cow;
use std::fmt;

/// Marks omitted text at the end of a text that was cut at a number of bytes.
const ELLIPSIS: &str = " …";

/// Returns the first `max_characters` characters of a text, followed by `…` if the text is longer.
pub fn truncate(text: &str, max_characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max_characters) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Returns the text, or its first `most` bytes and the number of bytes that are missing.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most);
    format!("{} … ({} bytes more)", &text[..end], text.len() - end)
}

/// Shortens a text of more than `most` bytes to at most so many, and marks it with ` …`.
pub(crate) fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push_str(ELLIPSIS);
        text.shrink_to_fit();
    }
}

/// A text with a maximum length in bytes. Writing more is an error, which ends a formatter that would write without end.
pub(crate) struct BoundedText {
    text: String,
    most: usize,
    is_cut: bool,
}

impl BoundedText {
    pub(crate) fn new(most: usize) -> Self {
        Self { text: String::new(), most, is_cut: false }
    }

    /// Returns the text, marked with ` …` if it was cut.
    pub(crate) fn finish(mut self) -> String {
        if self.is_cut {
            self.text.push_str(ELLIPSIS);
        }
        self.text
    }
}

impl fmt::Write for BoundedText {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = part.floor_char_boundary(self.most - self.text.len());
        self.text.push_str(&part[..end]);
        self.is_cut |= end < part.len();
        if self.is_cut { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn long_texts_are_truncated_between_characters() {
        assert_eq!(truncate("éé", 2), "éé");
        assert_eq!(truncate("ééé", 2), "éé…");
    }

    #[test]
    fn texts_are_cut_at_bytes_between_characters() {
        assert_eq!(cut("éé", 4), "éé");
        assert_eq!(cut("éé", 3), "é … (2 bytes more)");
        let mut text = "éé".to_owned();
        shorten(&mut text, 4);
        assert_eq!(text, "éé");
        shorten(&mut text, 3);
        assert_eq!(text, "é …");
    }

    #[test]
    fn a_bounded_text_takes_no_more_than_its_bound() {
        let mut text = BoundedText::new(3);
        assert!(write!(text, "é").is_ok());
        assert!(write!(text, "éa").is_err());
        assert_eq!(text.finish(), "é …");
        let mut text = BoundedText::new(4);
        assert!(text.write_str("é").and_then(|()| text.write_str("é")).is_ok());
        assert_eq!(text.finish(), "éé");
    }
}
