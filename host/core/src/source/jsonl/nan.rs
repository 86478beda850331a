//! `NaN`, `Infinity` and `-Infinity`, which some programs write although they are not JSON.

use std::borrow::Cow;

use crate::format::NanTokens;

/// The tokens, with their values. Longer ones come first where one contains another.
const TOKENS: [(&str, f64); 3] = [("-Infinity", f64::NEG_INFINITY), ("Infinity", f64::INFINITY), ("NaN", f64::NAN)];

/// A row in which tokens are replaced by JSON.
#[derive(Debug)]
pub(super) struct Replaced<'a> {
    /// The text. With [`NanTokens::Float`] each token is a zero of the same length.
    pub(super) text: Cow<'a, str>,
    /// The indices in the text at which tokens were, with their values.
    tokens: Vec<(usize, f64)>,
    /// The indices in the text after which it is longer or shorter than the row, and by how much in all.
    shifts: Vec<(usize, isize)>,
}

impl<'a> Replaced<'a> {
    /// Replaces all tokens outside of texts.
    pub(super) fn new(row: &'a str, rule: NanTokens) -> Self {
        let has_token = |token| memchr::memmem::find(row.as_bytes(), token).is_some();
        let mut replaced = Self { text: Cow::Borrowed(row), tokens: Vec::new(), shifts: Vec::new() };
        if rule == NanTokens::Error || !(has_token(b"NaN") || has_token(b"Infinity")) {
            return replaced;
        }
        let mut text = String::with_capacity(row.len() + 8);
        let mut rest = row;
        while let Some(at) = find_token(rest) {
            let (token, value) =
                TOKENS.into_iter().find(|(token, _)| rest[at..].starts_with(token)).unwrap_or(TOKENS[2]);
            text.push_str(&rest[..at]);
            if rule == NanTokens::Float {
                replaced.tokens.push((text.len(), value));
                let digits = token.len() - "0.".len();
                text.push_str("0.");
                text.extend(std::iter::repeat_n('0', digits));
            } else {
                text.push_str("null");
                let before = replaced.shifts.last().map_or(0, |(_, shift)| *shift);
                replaced.shifts.push((text.len(), before + "null".len() as isize - token.len() as isize));
            }
            rest = &rest[at + token.len()..];
        }
        if !text.is_empty() {
            text.push_str(rest);
            replaced.text = Cow::Owned(text);
        }
        replaced
    }

    /// Returns the value of the token that was at this index of the text.
    pub(super) fn token_at(&self, index: usize) -> Option<f64> {
        let found = self.tokens.binary_search_by_key(&index, |(at, _)| *at).ok()?;
        Some(self.tokens[found].1)
    }

    /// Returns whether there was a token within this range of the text.
    pub(super) fn has_token_in(&self, start: usize, end: usize) -> bool {
        let first = self.tokens.partition_point(|(at, _)| *at < start);
        self.tokens.get(first).is_some_and(|(at, _)| *at < end)
    }

    /// Returns whether there was any token that is a float.
    pub(super) fn has_floats(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Returns the index in the row for an index in the text.
    pub(super) fn original(&self, index: usize) -> usize {
        let after = self.shifts.partition_point(|(at, _)| *at <= index);
        let shift = after.checked_sub(1).map_or(0, |last| self.shifts[last].1);
        index.saturating_add_signed(-shift)
    }
}

/// Returns the name of a value that is not finite, as in the file.
pub(super) fn token_name(value: f64) -> &'static str {
    match value {
        _ if value.is_nan() => "NaN",
        _ if value > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

/// Returns the index of the first token outside of texts.
fn find_token(row: &str) -> Option<usize> {
    let bytes = row.as_bytes();
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
                    at += if *byte == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'I' | b'N' => {
                let token = TOKENS.iter().find(|(token, _)| bytes[at..].starts_with(token.as_bytes()));
                let is_whole = |token: &str| !is_word(bytes.get(at + token.len()));
                if token.is_some_and(|(token, _)| is_whole(token)) {
                    return Some(at);
                }
                // The rest of a word that only begins or ends like a token.
                at += 1;
                while is_word(bytes.get(at)) {
                    at += 1;
                }
            }
            _ if is_word(Some(byte)) => {
                while is_word(bytes.get(at)) {
                    at += 1;
                }
            }
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(row: &str, rule: NanTokens) -> String {
        Replaced::new(row, rule).text.into_owned()
    }

    #[test]
    fn tokens_outside_of_texts_are_replaced() {
        let row = r#"{"NaN":NaN,"a":"\"NaN","b":[-Infinity, Infinity],"c":NaNo,"d":xNaN,"e":-NaN}"#;
        assert_eq!(
            replaced(row, NanTokens::Null),
            r#"{"NaN":null,"a":"\"NaN","b":[null, null],"c":NaNo,"d":xNaN,"e":-NaN}"#
        );
        let floats = Replaced::new(row, NanTokens::Float);
        assert_eq!(floats.text, r#"{"NaN":0.0,"a":"\"NaN","b":[0.0000000, 0.000000],"c":NaNo,"d":xNaN,"e":-NaN}"#);
        assert!(floats.token_at(7).is_some_and(f64::is_nan) && floats.token_at(8).is_none());
        assert!(floats.has_token_in(20, 40) && !floats.has_token_in(8, 20));
        assert_eq!(replaced(row, NanTokens::Error), row);
        assert_eq!(replaced(r#""NaN"#, NanTokens::Null), r#""NaN"#);
    }

    #[test]
    fn positions_are_those_of_the_row() {
        let row = r#"{"a":NaN,"b":-Infinity,"c":x}"#;
        let nulls = Replaced::new(row, NanTokens::Null);
        let at = |text: &str| text.find('x').unwrap();
        assert_eq!(nulls.original(at(&nulls.text)), at(row));
        assert_eq!(nulls.original(3), 3);
    }
}
