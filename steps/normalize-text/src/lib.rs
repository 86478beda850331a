//! The step `normalize-text`.

use stillbox_sdk::{Batch, Input, Output, Parameters, Result, Rows, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
pub struct Parameters {
    /// The column to normalize. It is replaced.
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
#[derive(Debug, Output)]
pub struct Normalized {
    /// The normalized text.
    #[column(from = "column")]
    pub text: String,
}

/// Lower-cases texts, replaces each run of ASCII white space with one space, and strips it at both ends.
#[step]
pub fn normalize_text(_: &Parameters, batch: Batch<'_, Row<'_>>) -> Result<Rows<Normalized>> {
    // A batch function instead of a row function, to write texts directly into the output column.
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
/// Letters are lower-cased by the rules of Unicode, including the special cases. White space is `[ \t\n\r\v\f]`; a non-breaking
/// space, for example, is unchanged.
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

/// Appends a text with its white space collapsed. It checks eight bytes at a time and copies unchanged text in long runs: most
/// groups of eight bytes need no change, and the end of a word causes no branch misprediction.
fn collapse(text: &str, out: &mut String) {
    let start = out.len();
    let mut uncopied = 0;
    // White space at the beginning counts as following a space.
    let mut carried = 0x80;
    let (chunks, rest) = text.as_bytes().as_chunks::<8>();
    // The padding bytes are 0, which is not white space.
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    for (i, chunk) in chunks.iter().chain([&last]).enumerate() {
        let chunk = u64::from_le_bytes(*chunk);
        let blanks = blanks(chunk);
        let spaces = blanks | other_spaces(chunk);
        let behind_space = spaces << 8 | carried;
        carried = spaces >> 56;
        // A single space stays. Other white space is removed, and replaced with a space unless one precedes it.
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

/// Repeats a byte eight times.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Returns the high bit of every byte that is a space.
#[inline]
const fn blanks(chunk: u64) -> u64 {
    let differences = chunk ^ all(b' ');
    // Without the high bits the sums do not overflow into the next byte.
    !(((differences & !HIGH_BITS) + !HIGH_BITS) | differences) & HIGH_BITS
}

/// Returns the high bit of every byte that is other white space, from `\t` to `\r`.
#[inline]
const fn other_spaces(chunk: u64) -> u64 {
    let low_bits = chunk & !HIGH_BITS;
    let from_tab = low_bits + all(0x80 - b'\t');
    let beyond_return = low_bits + all(0x80 - b'\r' - 1);
    from_tab & !beyond_return & !chunk & HIGH_BITS
}

/// Returns whether only ASCII letters need lower-casing, as in most texts of any language, whose other letters are lower-case or
/// have no case. The check is much faster than [`str::to_lowercase`], which processes all letters.
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

/// Returns whether a letter beyond ASCII has a different lower-case form. The most frequent letters are in three ranges that need
/// no lookup in Unicode's tables: Latin and Cyrillic lower-case letters, and the Chinese and Japanese scripts.
#[inline]
fn changes(letter: char) -> bool {
    !matches!(letter, 'ß'..='ÿ' | 'а'..='я' | '\u{3040}'..='\u{9FFF}') && letter.to_lowercase().next() != Some(letter)
}

/// Returns the index of the first byte that is not ASCII. It checks eight bytes at a time.
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
    fn white_space_is_collapsed_and_stripped_at_the_ends() {
        assert_eq!(normalized("  Two \t\r\n words\x0b\x0c"), "two words");
        assert_eq!(normalized("a\tb \tc\t d"), "a b c d");
        assert_eq!(normalized(" \n "), "");
        assert_eq!(normalized(""), "");
    }

    /// The reference implementation.
    fn collapsed(text: &str) -> String {
        let spaced = text.replace(['\t', '\n', '\x0b', '\x0c', '\r'], " ");
        spaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn white_space_is_found_at_every_position() {
        // Letters, a space, other white space, the adjacent byte values, and a character whose bytes have their high bit set.
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
    fn letters_in_the_fast_path_are_their_own_lower_case() {
        for letter in '\u{80}'..=char::MAX {
            assert_eq!(changes(letter), letter.to_lowercase().ne([letter]), "{letter:?}");
        }
    }

    #[test]
    fn letters_at_every_position_are_lower_cased() {
        for before in 0..20 {
            let text = format!("{}ÄaA{}É", "x".repeat(before), "ö".repeat(before));
            assert_eq!(normalized(&text), text.to_lowercase());
        }
    }

    #[test]
    fn other_white_space_and_control_characters_are_unchanged() {
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
