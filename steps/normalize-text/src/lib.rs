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

/// Appends a text with its white space collapsed. What needs no change is copied in long runs, and eight bytes are looked
/// at together: in most of them nothing changes, and a processor need not guess at which byte a word ends.
fn collapse(text: &str, out: &mut String) {
    let start = out.len();
    let mut uncopied = 0;
    // White space at the beginning is treated as if it followed a space.
    let mut carried = 0x80;
    let (chunks, rest) = text.as_bytes().as_chunks::<8>();
    // The bytes that fill it up are no white space.
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    for (i, chunk) in chunks.iter().chain([&last]).enumerate() {
        let chunk = u64::from_le_bytes(*chunk);
        let blanks = blanks(chunk);
        let spaces = blanks | other_spaces(chunk);
        let behind_space = spaces << 8 | carried;
        carried = spaces >> 56;
        // A single space stays. Other white space goes, and leaves a space where there is none before it.
        let mut going = spaces & (behind_space | !blanks);
        while going != 0 {
            let bit = going.trailing_zeros();
            let at = i * 8 + bit as usize / 8;
            out.push_str(&text[uncopied..at]);
            uncopied = at + 1;
            if behind_space >> bit & 1 == 0 {
                out.push(' ');
            }
            going &= going - 1;
        }
    }
    out.push_str(&text[uncopied..]);
    if out.len() > start && out.ends_with(' ') {
        out.pop();
    }
}

const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// A byte, eight times.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of every byte that is a space.
#[inline]
const fn blanks(chunk: u64) -> u64 {
    let differences = chunk ^ all(b' ');
    // Without its high bit no byte is so large that the sum reaches into the next.
    !(((differences & !HIGH_BITS) + !HIGH_BITS) | differences) & HIGH_BITS
}

/// The high bit of every byte that is other white space: from `\t` to `\r`.
#[inline]
const fn other_spaces(chunk: u64) -> u64 {
    let low_bits = chunk & !HIGH_BITS;
    let from_tab = low_bits + all(0x80 - b'\t');
    let beyond_return = low_bits + all(0x80 - b'\r' - 1);
    from_tab & !beyond_return & !chunk & HIGH_BITS
}

/// Whether lower-casing the ASCII letters is all there is to do, as in most texts of any language: their other letters are
/// lower-case, or have no case. Looking at these costs much less than [`str::to_lowercase`], which looks at all.
fn only_ascii_changes(text: &str) -> bool {
    let mut rest = text;
    while let Some(i) = first_beyond_ascii(rest.as_bytes()) {
        let mut letters = rest[i..].chars();
        if letters.next().is_some_and(changes) {
            return false;
        }
        rest = letters.as_str();
    }
    true
}

/// Whether a letter beyond ASCII has another lower-case form. Most that occur are in one of three ranges, and need no
/// look into Unicode's tables: Latin and Cyrillic lower-case letters, and the Chinese and Japanese scripts.
#[inline]
fn changes(letter: char) -> bool {
    !matches!(letter, 'ß'..='ÿ' | 'а'..='я' | '\u{3040}'..='\u{9FFF}') && letter.to_lowercase().next() != Some(letter)
}

/// The first byte that isn't ASCII, eight at a time.
fn first_beyond_ascii(bytes: &[u8]) -> Option<usize> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (i, chunk) in chunks.iter().enumerate() {
        let high_bits = u64::from_le_bytes(*chunk) & HIGH_BITS;
        if high_bits != 0 {
            return Some(i * 8 + high_bits.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|byte| !byte.is_ascii()).map(|i| chunks.len() * 8 + i)
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

    /// The definition, byte by byte.
    fn collapsed(text: &str) -> String {
        let spaced = text.replace(['\t', '\n', '\x0b', '\x0c', '\r'], " ");
        spaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn white_space_is_found_wherever_it_stands() {
        // Words, a space, other white space, the bytes next to it, and a character whose bytes have their high bit set.
        let characters = [' ', '\t', '\r', 'a', '\x08', '\x0e', '!', '\u{a0}'];
        let mut random: u64 = 1;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..random % 40 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push(characters[(random >> 33) as usize % characters.len()]);
            }
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random ^= random >> 32;
            assert_eq!(normalized(&text), collapsed(&text), "{text:?}");
        }
    }

    #[test]
    fn letters_that_are_not_looked_up_have_no_other_lower_case() {
        for letter in '\u{80}'..=char::MAX {
            assert_eq!(changes(letter), letter.to_lowercase().ne([letter]), "{letter:?}");
        }
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
