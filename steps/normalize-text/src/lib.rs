//! The step `normalize-text`.

use stillbox_sdk::{Batch, Input, Output, Parameters, Result, Rows, step};

/// What the step is told.
#[derive(Debug, Parameters)]
pub struct Parameters {
    /// The column to normalize. It is replaced.
    pub column: String,
}

/// What the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    #[column(from = "column")]
    pub text: &'a str,
}

/// What the step writes.
#[derive(Debug, Output)]
pub struct Normalized {
    /// The normalized text.
    #[column(from = "column")]
    pub text: String,
}

/// Lower-cases texts, makes one space of each run of ASCII white space, and strips it at both ends.
#[step]
pub fn normalize_text(_: &Parameters, batch: Batch<'_, Row<'_>>) -> Result<Rows<Normalized>> {
    // A batch and not a row, so that each text is written where it is to stay.
    let mut rows = Rows::<Normalized>::with_capacity(batch.len());
    rows.builders().text.reserve_bytes(batch.columns().text.all().len());
    for (i, row) in batch.iter().enumerate() {
        let Row { text } = row?;
        rows.push_with(Some(i), |to| to.text.push_with(|out| normalize(text, out)))?;
    }
    Ok(rows)
}

/// Appends a normalized text.
///
/// Letters are lower-cased as Unicode says, with its special cases. White space is what regular expressions have as
/// `[ \t\n\r\v\f]`; a non-breaking space, for one, stays.
pub fn normalize(text: &str, out: &mut String) {
    let start = out.len();
    collapse(text, out);
    if only_ascii_changes(&out[start..]) {
        out[start..].make_ascii_lowercase();
    } else {
        let lower = out[start..].to_lowercase();
        out.truncate(start);
        out.push_str(&lower);
    }
}

/// Appends a text with its white space collapsed. What needs no change is copied in long runs.
fn collapse(text: &str, out: &mut String) {
    let start = out.len();
    let mut uncopied = 0;
    // White space at the beginning is treated as if it followed a space.
    let mut after_space = true;
    for (i, byte) in text.bytes().enumerate() {
        if !is_space(byte) {
            after_space = false;
        } else if byte == b' ' && !after_space {
            after_space = true;
        } else {
            out.push_str(&text[uncopied..i]);
            uncopied = i + 1;
            if !after_space {
                out.push(' ');
                after_space = true;
            }
        }
    }
    out.push_str(&text[uncopied..]);
    if out.len() > start && out.ends_with(' ') {
        out.pop();
    }
}

/// Whether lower-casing the ASCII letters is all there is to do, as in most texts of any language: their other letters are
/// lower-case, or have no case. Looking at these costs much less than [`str::to_lowercase`], which looks at all.
fn only_ascii_changes(text: &str) -> bool {
    let mut rest = text;
    while let Some(i) = first_beyond_ascii(rest.as_bytes()) {
        let mut letters = rest[i..].chars();
        let changes = letters.next().is_some_and(|letter| letter.to_lowercase().next() != Some(letter));
        if changes {
            return false;
        }
        rest = letters.as_str();
    }
    true
}

/// The first byte that isn't ASCII, eight at a time.
fn first_beyond_ascii(bytes: &[u8]) -> Option<usize> {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (i, chunk) in chunks.iter().enumerate() {
        let high_bits = u64::from_le_bytes(*chunk) & HIGH_BITS;
        if high_bits != 0 {
            return Some(i * 8 + high_bits.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|byte| !byte.is_ascii()).map(|i| chunks.len() * 8 + i)
}

#[inline]
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(text: &str) -> String {
        let mut out = String::from("before ");
        normalize(text, &mut out);
        out.split_off("before ".len())
    }

    #[test]
    fn white_space_becomes_one_space_and_none_at_the_ends() {
        assert_eq!(normalized("  Two \t\r\n words\x0b\x0c"), "two words");
        assert_eq!(normalized("a\tb \tc\t d"), "a b c d");
        assert_eq!(normalized(" \n "), "");
        assert_eq!(normalized(""), "");
    }

    #[test]
    fn every_letter_is_looked_at() {
        for before in 0..20 {
            let text = format!("{}ÄaA{}É", "x".repeat(before), "ö".repeat(before));
            assert_eq!(normalized(&text), text.to_lowercase());
        }
    }

    #[test]
    fn other_white_space_and_control_characters_stay() {
        assert_eq!(normalized("a\u{a0}b\u{2003}c\x1c\0d"), "a\u{a0}b\u{2003}c\x1c\0d");
    }

    #[test]
    fn letters_of_any_script_are_lower_cased() {
        assert_eq!(normalized("ÀÉ  ΣΑΣ ŽLUŤ"), "àé σας žluť");
        assert_eq!(normalized("İ"), "i\u{307}");
        assert_eq!(normalized("Größe DŽ ß"), "größe dž ß");
        assert_eq!(normalized("漢字 \u{1F600}"), "漢字 \u{1F600}");
    }
}
