//! The step `deduplicate`.

mod cosine;
mod exact;
mod minhash;
mod near;
mod parameters;

use cosine::Cosine;
use exact::Exact;
use near::Near;
pub use parameters::{Method, Parameters, Shingle};
use stillbox_sdk::any::AnyRow;
use stillbox_sdk::{Aggregate, Batch, Context as _, Result, Rows, step};

/// Drops duplicate rows.
#[derive(Debug)]
pub struct Deduplicate {
    parameters: Parameters,
    seen: SeenRows,
}

#[derive(Debug)]
enum SeenRows {
    Exact(Exact),
    Near(Box<Near>),
    Cosine(Cosine),
}

/// Keeps the first of all rows that are equal, or similar, in some columns.
///
/// The order and the content of the rows do not change. Columns that are not named are ignored.
///
/// - `exact`: rows are equal if all values are. Nulls are equal to each other and NaN equals NaN. Numbers of any width are compared
///   by value and exactly, times by time, texts by their characters, JSON lists and objects by their JSON text. Rows are compared by the first 128 bits of a SHA-256, which is resistant
///   to deliberate collisions. A distinct row takes about 40 bytes of memory.
/// - `near`: the texts of the columns are cut into overlapping shingles. The similarity of two texts is the Jaccard similarity
///   of their sets of shingles, estimated by the fraction of `permutations` under which both sets have the same smallest shingle
///   (Broder: On the Resemblance and Containment of Documents, 1997). The permutations are multiply-shift hashes, random
///   multiples of a 32-bit XXH3 of the shingle (Dietzfelbinger: Universal Hashing and k-wise Independent Random Variables via
///   Integer Arithmetic without Primes, 1996). Only rows that are equal in at least one whole band of permutations are compared
///   (Indyk and Motwani: Approximate Nearest Neighbors, 1998): of the pairs with similarity `s`, `b` bands of `r` permutations
///   find `1 - (1 - s^r)^b`; with the defaults 95 % at 0.8 and 99.99 % at 0.9. A row is dropped if its similarity to an earlier
///   row is at least `threshold`. Rows without a text are never dropped. A distinct row takes 4 bytes of memory per permutation
///   and about 25 per band, 0.9 KB with the defaults.
/// - `cosine`: the vectors of one column, such as embeddings, are compared by their cosine similarity, each with all that were kept, so the
///   time grows with the square of their number. A row is dropped if its similarity to one of them is at least `threshold`. Rows without a
///   vector are never dropped; a vector of another width than the first, or without a direction, rejects its row. A distinct row takes
///   4 bytes of memory per element.
#[step]
impl Aggregate for Deduplicate {
    type Parameters = Parameters;
    type Input = AnyRow<'static>;
    type Output = ();

    fn new(parameters: &Parameters) -> Result<Self> {
        let seen = match parameters.method {
            Method::Exact => SeenRows::Exact(Exact::default()),
            Method::Near => SeenRows::Near(Box::new(Near::new(parameters))),
            Method::Cosine => SeenRows::Cosine(Cosine::new(parameters.threshold)),
        };
        Ok(Self { parameters: parameters.clone(), seen })
    }

    fn process(&mut self, batch: Batch<'_, AnyRow<'_>>) -> Result<Rows<()>> {
        let mut rows = Rows::new();
        let columns = self.parameters.columns.len();
        for (i, row) in batch.iter().enumerate() {
            let row = row?;
            let is_new = match &mut self.seen {
                SeenRows::Exact(exact) => exact.is_new(&row, columns),
                SeenRows::Near(near) => near.is_new((0..columns).map(|column| row.json(column))),
                SeenRows::Cosine(cosine) => match cosine.is_new(&row.get(0)) {
                    Err(error) => {
                        rows.reject(i, error);
                        continue;
                    }
                    is_new => is_new,
                },
            };
            if is_new.context("a value cannot be compared")? {
                rows.push_from(i, ())?;
            }
        }
        Ok(rows)
    }

    fn finish(&mut self) -> Result<Option<Rows<()>>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::Json;
    use stillbox_sdk::testing::{batch, bind, column};

    use super::*;

    /// Returns the indexes of the rows that the step keeps.
    fn kept(parameters: &str, a: &[&str], b: &[&str], rows_a_batch: usize) -> Vec<u32> {
        let mut step = bind::<Deduplicate>(parameters).unwrap();
        let (mut kept, mut before) = (Vec::new(), 0);
        for (a, b) in a.chunks(rows_a_batch).zip(b.chunks(rows_a_batch)) {
            let names: Vec<_> = step.signature().inputs.iter().map(|field| field.name.clone()).collect();
            let json = |name: &String| {
                let values = if name == "a" { a } else { b };
                column(name, values.iter().map(|json| Json::from_text(json)))
            };
            let output = step.process(&batch(names.iter().map(json))).unwrap();
            let rows = a.len() as u32;
            kept.extend(output.origins.unwrap_or_else(|| (0..rows).collect()).iter().map(|row| before + row));
            before += rows;
        }
        assert!(step.finish().unwrap().is_none());
        kept
    }

    #[test]
    fn only_the_first_of_equal_rows_stays() {
        let a = ["1", "1.0", "\"1\"", "null", "null", "1", "[1]", "[ 1]"];
        let b = ["\"x\"", "\"\\u0078\"", "\"x\"", "1", "1", "null", "1", "1"];
        for rows in 1..9 {
            assert_eq!(kept(r#"{"columns": ["a", "b"]}"#, &a, &b, rows), [0, 2, 3, 5, 6, 7]);
            assert_eq!(kept(r#"{"columns": ["b"]}"#, &a, &b, rows), [0, 3, 5]);
        }
    }

    #[test]
    fn rows_with_equal_concatenations_of_values_differ() {
        let (a, b) = (["\"ab\"", "\"a\"", "\"\"", "null"], ["\"c\"", "\"bc\"", "null", "\"\""]);
        assert_eq!(kept(r#"{"columns": ["a", "b"]}"#, &a, &b, 4), [0, 1, 2, 3]);
    }

    const TEXTS: [&str; 6] = [
        "\"The quick brown fox jumps over the lazy dog, and then it sleeps in the sun until the evening.\"",
        "\"The quick brown fox jumps over the lazy dog, and then it sleeps in the sun until the evening!\"",
        "\"A completely different sentence about the weather in the mountains, where it rains all day.\"",
        "null",
        "null",
        "\"the quick brown fox jumps over the lazy dog, and then it slept in the sun until the evening.\"",
    ];

    #[test]
    fn similar_texts_are_dropped() {
        for rows in 1..7 {
            assert_eq!(kept(r#"{"columns": ["a"], "method": "near"}"#, &TEXTS, &TEXTS, rows), [0, 2, 3, 4]);
        }
        let strict = r#"{"columns": ["a"], "method": "near", "threshold": 1.0}"#;
        assert_eq!(kept(strict, &TEXTS, &TEXTS, 6), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_text_that_is_shorter_than_a_shingle_is_one_shingle() {
        let texts = ["\"a\"", "\"b\"", "\"a\"", "\"\"", "\"\"", "\"ab\""];
        assert_eq!(kept(r#"{"columns": ["a"], "method": "near"}"#, &texts, &texts, 6), [0, 1, 3, 5]);
        let words = r#"{"columns": ["a"], "method": "near", "shingle": "words", "shingle-size": 2}"#;
        assert_eq!(kept(words, &["\"a  b\"", "\"a b\"", "\"b a\"", "\" \""], &[""; 4], 4), [0, 2, 3]);
    }

    #[test]
    fn invalid_parameters_are_rejected() {
        let message = |more: &str| {
            bind::<Deduplicate>(&format!(r#"{{"columns": ["a"], "method": "near"{more}}}"#)).unwrap_err().message
        };
        assert_eq!(message(r#", "permutations": 1000000000"#), "`permutations` must be from 1 to 1024, not 1000000000");
        assert_eq!(message(r#", "bands": 24"#), "`permutations` is 128, which is not divisible by `bands`, 24");
        assert_eq!(message(r#", "shingle-size": 0"#), "`shingle-size` must be from 1 to 100, not 0");
        assert_eq!(message(r#", "threshold": 2"#), "`threshold` must be from 0 to 1, not 2");
        assert_eq!(bind::<Deduplicate>(r#"{"columns": []}"#).unwrap_err().message, "`columns` names no column");
    }
}
