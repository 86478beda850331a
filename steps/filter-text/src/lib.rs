//! The step `filter-text`.

use stillbox_sdk::{Input, Parameters, Result, ensure, step};

/// What the step is told.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check_order)]
pub struct Parameters {
    /// The column whose texts are measured.
    pub column: String,
    /// The fewest words a text may have. Words are what stands between single spaces: an empty text has one, and two
    /// spaces in a row have one between them.
    #[parameter(default = 0)]
    pub min_words: u64,
    /// The most words a text may have. No limit, unless given.
    pub max_words: Option<u64>,
    /// The fewest bytes of UTF-8 a text may have.
    #[parameter(default = 0)]
    pub min_bytes: u64,
    /// The most bytes of UTF-8 a text may have. No limit, unless given.
    pub max_bytes: Option<u64>,
}

impl Parameters {
    fn check_order(&self) -> Result<()> {
        let words = self.max_words.is_none_or(|max| self.min_words <= max);
        ensure!(words, "`min-words` is above `max-words`, so that no text would pass");
        let bytes = self.max_bytes.is_none_or(|max| self.min_bytes <= max);
        ensure!(bytes, "`min-bytes` is above `max-bytes`, so that no text would pass");
        Ok(())
    }
}

/// What the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    #[column(from = "column")]
    pub text: &'a str,
}

/// Keeps the rows whose text has a number of words and of bytes in given ranges, their ends included.
#[step]
pub fn filter_text(parameters: &Parameters, row: Row<'_>) -> Result<bool> {
    let bytes = row.text.len() as u64;
    // Bytes come first: they cost nothing to count.
    Ok(within(bytes, parameters.min_bytes, parameters.max_bytes)
        && within(words(row.text), parameters.min_words, parameters.max_words))
}

fn within(count: u64, min: u64, max: Option<u64>) -> bool {
    count >= min && max.is_none_or(|max| count <= max)
}

fn words(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte == b' ').count() as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Parameters =
        Parameters { column: String::new(), min_words: 0, max_words: None, min_bytes: 0, max_bytes: None };

    fn keeps(parameters: &Parameters, text: &str) -> bool {
        filter_text(parameters, Row { text }).unwrap()
    }

    #[test]
    fn both_ends_of_a_range_pass() {
        let parameters = Parameters { min_words: 2, max_words: Some(3), ..ANY };
        let kept = ["a", "a b", "a b c", "a b c d"].map(|text| keeps(&parameters, text));
        assert_eq!(kept, [false, true, true, false]);
    }

    #[test]
    fn bytes_are_those_of_utf_8() {
        let parameters = Parameters { min_bytes: 2, max_bytes: Some(3), ..ANY };
        let kept = ["a", "ä", "äb", "ää"].map(|text| keeps(&parameters, text));
        assert_eq!(kept, [false, true, true, false]);
    }

    #[test]
    fn words_stand_between_single_spaces() {
        assert_eq!(["", "a", " ", "a  b", "a\tb"].map(words), [1, 1, 2, 3, 1]);
    }

    #[test]
    fn everything_passes_unless_told_otherwise() {
        assert!(keeps(&ANY, ""));
        assert!(keeps(&ANY, "any text"));
    }
}
