//! The step `text-features`.

mod crc32;

use crc32::Crc32;
use stillbox_sdk::{Input, Output, Parameters, Result, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
pub struct Parameters {
    /// The column with the texts.
    pub column: String,
}

/// The columns that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    #[column(from = "column")]
    pub text: &'a str,
}

/// The columns that the step writes.
#[derive(Clone, Copy, Debug, Output, PartialEq, Eq)]
pub struct Features {
    /// The number of words. Words are separated by single spaces: an empty text has one word, and two consecutive spaces have an
    /// empty word between them.
    pub n_words: u64,
    /// The number of bytes in UTF-8.
    pub n_bytes: u64,
    /// The smallest CRC-32 (IEEE 802.3, as in zlib) of any three consecutive words joined by single spaces, or of the whole text
    /// if it has fewer than three words.
    pub tri_hash: u32,
}

/// Counts the words and bytes of texts, and hashes their word trigrams.
#[step]
pub fn text_features(_: &Parameters, row: Row<'_>) -> Result<Features> {
    Ok(features(row.text))
}

/// Returns the features of a text.
pub fn features(text: &str) -> Features {
    let mut n_words = 1;
    let mut smallest = u32::MAX;
    // Words are separated by one space, so three consecutive words are one slice of the text. These are the checksums so far of
    // the slices that end with this word, the next word, and the word after that. Updating three independent checksums per byte
    // is faster than hashing slice after slice, because the processor computes them in parallel.
    let [mut this, mut next, mut after] = [Crc32::EMPTY; 3];
    for byte in text.bytes() {
        if byte == b' ' {
            if n_words >= 3 {
                smallest = smallest.min(this.value());
            }
            n_words += 1;
            [this, next, after] = [next.then(byte), after.then(byte), Crc32::EMPTY];
        } else {
            [this, next, after] = [this.then(byte), next.then(byte), after.then(byte)];
        }
    }
    let tri_hash = if n_words >= 3 { smallest.min(this.value()) } else { Crc32::from_bytes(text.as_bytes()).value() };
    Features { n_words, n_bytes: text.len() as u64, tri_hash }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference implementation.
    fn by_definition(text: &str) -> Features {
        let words: Vec<_> = text.split(' ').collect();
        let hash = |words: &[&str]| crc32fast::hash(words.join(" ").as_bytes());
        let smallest = words.windows(3).map(hash).min();
        Features {
            n_words: words.len() as u64,
            n_bytes: text.len() as u64,
            tri_hash: smallest.unwrap_or_else(|| hash(&words)),
        }
    }

    #[test]
    fn the_features_equal_those_of_the_reference_implementation() {
        for text in ["", "a", "a b", "a b c", "a b c d e f", "ä  ö ü ", "   ", " a b"] {
            assert_eq!(features(text), by_definition(text), "{text:?}");
        }
    }

    #[test]
    fn the_hash_equals_the_crc_of_zlib() {
        // From Python: zlib.crc32(b"one two three").
        assert_eq!(features("one two three"), Features { n_words: 3, n_bytes: 13, tri_hash: 2_015_744_983 });
    }
}
