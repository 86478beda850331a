//! The input of the text benchmark: texts with ragged white space, mixed case and words of several scripts. About one row in ten
//! is too short, one in twenty too long.

use std::fmt::Write as _;

/// The seed of the benchmark itself.
pub(crate) const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

const WORDS: &str = "the of and to in is that for it as was with be by on not he his but at are this have from or had \
    an they which one you were all her she there would their we him been has when who will no more if out so up said \
    what its about than into them can only other time new some could these two may first then do any like my now over \
    such our man me even most made after also did many off before must well back through years much where your way \
    down should because long each just state those people too mr how little good world make very year still see work \
    life being system pipeline batch worker sandbox module error message signal thread process memory token schema \
    record column café naïve über señor façade 数据 管道 東京 данные поток";

const SEPARATORS: [&str; 18] =
    [" ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", "  ", "\t", "   ", " \n", ", ", ". "];

/// Rows as JSON Lines with spaces after colons and commas, as Python writes them.
pub(crate) fn input(seed: u64, rows: usize) -> String {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut random = Random(seed);
    let mut lines = String::with_capacity(rows * 230);
    for id in 0..rows {
        let text = serde_json::Value::String(text(&mut random, &words));
        let _ = writeln!(lines, "{{\"id\": {id}, \"text\": {text}}}");
    }
    lines
}

fn text(random: &mut Random, words: &[&str]) -> String {
    let length = match random.below(100) {
        0..10 => 2 + random.below(5),
        10..15 => 70 + random.below(30),
        _ => 25 + random.below(25),
    };
    let mut text = String::new();
    if random.below(4) == 0 {
        text.push_str("  ");
    }
    for index in 0..length {
        let word = words[random.below(words.len() as u64) as usize];
        match random.below(12) {
            0 if word.is_ascii() => text.push_str(&word.to_ascii_uppercase()),
            1..3 if word.is_ascii() => {
                text.push_str(&word[..1].to_ascii_uppercase());
                text.push_str(&word[1..]);
            }
            _ => text.push_str(word),
        }
        if index + 1 < length {
            text.push_str(SEPARATORS[random.below(SEPARATORS.len() as u64) as usize]);
        }
    }
    if random.below(5) == 0 {
        text.push_str(" \n");
    }
    text
}

/// Marsaglia's xorshift with the shifts 13, 7 and 17.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}
