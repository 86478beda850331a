use std::borrow::Cow;

use stillbox_sdk::random::Random;
use twox_hash::XxHash3_64;

use super::Shingle;

/// Computes signatures of texts: for each permutation the smallest hash of a text's shingles.
#[derive(Debug)]
pub(crate) struct MinHash {
    shingle: Shingle,
    shingle_size: usize,
    seed: u64,
    /// The factor and the summand of each permutation.
    permutations: Vec<(u64, u64)>,
}

impl MinHash {
    pub(crate) fn new(shingle: Shingle, shingle_size: usize, permutations: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let permutations = (0..permutations).map(|_| (random.next(), random.next())).collect();
        Self { shingle, shingle_size, seed, permutations }
    }

    /// Returns the signature of a text. The fraction of equal elements of two signatures estimates the similarity of the texts.
    pub(crate) fn signature(&self, text: &str) -> Vec<u32> {
        let (text, borders) = match self.shingle {
            Shingle::Characters => (Cow::Borrowed(text), characters(text)),
            Shingle::Words => words(text),
        };
        let mut signature = vec![u32::MAX; self.permutations.len()];
        let mut add = |start: usize, end: usize| {
            let shingle = XxHash3_64::oneshot_with_seed(self.seed, &text.as_bytes()[start..end]) >> 32;
            for (smallest, (factor, summand)) in signature.iter_mut().zip(&self.permutations) {
                let hash = (factor.wrapping_mul(shingle).wrapping_add(*summand) >> 32) as u32;
                *smallest = (*smallest).min(hash);
            }
        };
        if borders.len() <= self.shingle_size {
            add(0, text.len());
        } else {
            for shingle in borders.windows(self.shingle_size) {
                add(shingle[0].0, shingle[self.shingle_size - 1].1);
            }
        }
        signature
    }
}

/// The start and the end of a character or word in a text, in bytes.
type Border = (usize, usize);

fn characters(text: &str) -> Vec<Border> {
    text.char_indices().map(|(start, letter)| (start, start + letter.len_utf8())).collect()
}

/// Returns the words of a text joined by single spaces, and the borders of the words in it.
fn words(text: &str) -> (Cow<'_, str>, Vec<Border>) {
    let (mut joined, mut borders) = (String::with_capacity(text.len()), Vec::new());
    for word in text.split_whitespace() {
        if !joined.is_empty() {
            joined.push(' ');
        }
        let start = joined.len();
        joined.push_str(word);
        borders.push((start, joined.len()));
    }
    (joined.into(), borders)
}

/// Returns the fraction of equal elements of two signatures.
pub(crate) fn similarity(one: &[u32], other: &[u32]) -> f64 {
    let equal = one.iter().zip(other).filter(|(left, right)| left == right).count();
    equal as f64 / one.len() as f64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Computes the similarity by its definition.
    fn jaccard(one: &str, other: &str) -> f64 {
        let shingles = |text: &str| {
            let letters: Vec<char> = text.chars().collect();
            letters.windows(3).map(<[char]>::to_vec).collect::<HashSet<_>>()
        };
        let (one, other) = (shingles(one), shingles(other));
        one.intersection(&other).count() as f64 / one.union(&other).count() as f64
    }

    #[test]
    fn signatures_estimate_the_similarity() {
        let hashes = MinHash::new(Shingle::Characters, 3, 1024, 5);
        let mut random = Random::new(3);
        let text: String = (0..300).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
        for kept in [0, 100, 200, 250, 290, 300] {
            let mut other = text[..kept].to_owned();
            other.extend((kept..300).map(|_| char::from(b'a' + random.below(26) as u8)));
            let estimate = similarity(&hashes.signature(&text), &hashes.signature(&other));
            let exact = jaccard(&text, &other);
            // Four standard errors.
            assert!((estimate - exact).abs() < 0.063, "{kept}: {estimate} {exact}");
        }
    }

    #[test]
    fn shingles_of_words_ignore_white_space() {
        let hashes = MinHash::new(Shingle::Words, 2, 64, 0);
        let one = hashes.signature("a b\u{a0}c\n");
        assert_eq!(hashes.signature(" a  b c"), one);
        assert_ne!(hashes.signature("a bc"), one);
    }
}
