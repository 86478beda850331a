//! The step `filter-text`.

use stillbox_sdk::{Input, Parameters, Result, drop, ensure, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check_order)]
pub struct Parameters {
    /// The column with the texts.
    pub column: String,
    /// The smallest number of words in a text. Words are separated by single spaces: an empty text has one word, and two
    /// consecutive spaces have an empty word between them.
    #[parameter(default = 0)]
    pub min_words: u64,
    /// The largest number of words in a text. By default there is no limit.
    pub max_words: Option<u64>,
    /// The smallest number of bytes in a text, in UTF-8.
    #[parameter(default = 0)]
    pub min_bytes: u64,
    /// The largest number of bytes in a text, in UTF-8. By default there is no limit.
    pub max_bytes: Option<u64>,
}

impl Parameters {
    fn check_order(&self) -> Result<()> {
        let words = self.max_words.is_none_or(|max| self.min_words <= max);
        ensure!(words, "`min-words` is above `max-words`, so no text would pass");
        let bytes = self.max_bytes.is_none_or(|max| self.min_bytes <= max);
        ensure!(bytes, "`min-bytes` is above `max-bytes`, so no text would pass");
        Ok(())
    }
}

/// The columns that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    #[column(from = "column")]
    pub text: &'a str,
}

/// Keeps the rows whose text has a number of words and of bytes in the given ranges, both ends included.
#[step]
pub fn filter_text(parameters: &Parameters, row: Row<'_>) -> Result<bool> {
    let bytes = row.text.len() as u64;
    // Bytes first, because their number is known.
    if let Some(length) = outside(bytes, parameters.min_bytes, parameters.max_bytes) {
        drop!("too {length}: {bytes} bytes");
    }
    let words = words(row.text);
    if let Some(length) = outside(words, parameters.min_words, parameters.max_words) {
        drop!("too {length}: {words} words");
    }
    Ok(true)
}

/// Returns how a count is outside of a range.
fn outside(count: u64, min: u64, max: Option<u64>) -> Option<&'static str> {
    if count < min { Some("short") } else { max.is_some_and(|max| count > max).then_some("long") }
}

fn words(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte == b' ').count() as u64 + 1
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::testing::{batch, bind, column, drop_reasons};

    use super::*;

    const ANY: Parameters =
        Parameters { column: String::new(), min_words: 0, max_words: None, min_bytes: 0, max_bytes: None };

    fn keeps(parameters: &Parameters, text: &str) -> bool {
        filter_text(parameters, Row { text }).unwrap()
    }

    #[test]
    fn both_ends_of_a_range_are_included() {
        let parameters = Parameters { min_words: 2, max_words: Some(3), ..ANY };
        let kept = ["a", "a b", "a b c", "a b c d"].map(|text| keeps(&parameters, text));
        assert_eq!(kept, [false, true, true, false]);
    }

    #[test]
    fn the_length_is_counted_in_utf_8_bytes() {
        let parameters = Parameters { min_bytes: 2, max_bytes: Some(3), ..ANY };
        let kept = ["a", "ä", "äb", "ää"].map(|text| keeps(&parameters, text));
        assert_eq!(kept, [false, true, true, false]);
    }

    #[test]
    fn words_are_separated_by_single_spaces() {
        assert_eq!(["", "a", " ", "a  b", "a\tb"].map(words), [1, 1, 2, 3, 1]);
    }

    #[test]
    fn a_dropped_text_has_a_reason() {
        let mut step =
            bind::<filter_text>(r#"{"column": "text", "min-words": 2, "max-words": 3, "max-bytes": 9}"#).unwrap();
        step.process(&batch([column("text", ["a", "a b", "a b c d", "a long text"])])).unwrap();
        let reasons = ["too short: 1 words", "too long: 4 words", "too long: 11 bytes"].map(str::to_owned);
        assert_eq!(drop_reasons(), [0, 2, 3].into_iter().zip(reasons).collect::<Vec<_>>());
    }

    #[test]
    fn every_text_passes_by_default() {
        assert!(keeps(&ANY, ""));
        assert!(keeps(&ANY, "any text"));
    }
}
