//! Foreign text in reports: HTML and Markdown.

use std::borrow::Cow;
use std::fmt::Write as _;

use stillbox::text::escape_controls;

/// Returns a text for the content of an HTML element, or for an attribute between double quotes. Controls are made visible.
pub(super) fn html(text: &str) -> String {
    let text = escape_controls(text);
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Returns a text for Markdown, in which nothing is markup: every ASCII punctuation is a character reference, so that there are no
/// links, mentions, tables or tags, whatever the dialect.
pub(super) fn markdown(text: &str) -> String {
    let text: Cow<'_, str> = escape_controls(text);
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Frequent, and harmless within a line.
            ' ' | ',' => escaped.push(c),
            c if c.is_ascii_punctuation() => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        let text = "<script>\"'&\n@a [b](c) `d` |e| https://f ${{ g }}\u{202e}";
        assert_eq!(html(text), "&lt;script&gt;&quot;&#39;&amp;\\u{a}@a [b](c) `d` |e| https://f ${{ g }}\\u{202e}");
        let escaped = markdown(text);
        assert!(!escaped.contains(['<', '>', '@', '[', '`', '|', ':', '$', '{', '\n', '*', '_']), "{escaped}");
    }
}
