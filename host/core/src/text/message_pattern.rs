//! Patterns of messages that differ from row to row in numbers and quoted texts.

/// Returns a message with its numbers and quoted texts replaced, which differ from row to row: `#` and empty
/// quotes. Of a long message it is the pattern of the first `most` characters.
pub fn message_pattern(message: &str, most: usize) -> String {
    let mut pattern = String::new();
    let mut characters = message.chars().take(most).peekable();
    while let Some(c) = characters.next() {
        match c {
            '0'..='9' => {
                while characters.next_if(|c| c.is_ascii_digit() || *c == '.' || *c == ',').is_some() {}
                pattern.push('#');
            }
            // An apostrophe is no quote.
            '"' | '`' => {
                pattern.push(c);
                if characters.by_ref().any(|next| next == c) {
                    pattern.push(c);
                }
            }
            other => pattern.push(other),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::message_pattern;

    #[test]
    fn numbers_and_quoted_texts_are_replaced() {
        assert_eq!(message_pattern("row 7 has \"x\", not 1,000.5", 100), "row # has \"\", not #");
        assert_eq!(message_pattern("it's the end", 100), "it's the end");
    }

    #[test]
    fn quotes_without_an_end_are_replaced_up_to_them() {
        assert_eq!(message_pattern("a \"b", 100), "a \"");
        assert_eq!(message_pattern("a `b` 12.5 \"c\" d", 100), "a `` # \"\" d");
    }
}
