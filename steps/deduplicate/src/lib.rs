//! The step `deduplicate`.

mod exact;
mod minhash;
mod near;
mod parameters;

use exact::Exact;
use near::Near;
pub use parameters::{Method, Parameters, Shingle};
use stillbox_sdk::any::AnyRow;
use stillbox_sdk::{Aggregate, Batch, Context as _, Result, Rows, step};

/// What was seen of the rows so far.
#[derive(Debug)]
pub struct Deduplicate {
    parameters: Parameters,
    seen: Seen,
}

#[derive(Debug)]
enum Seen {
    Exact(Exact),
    Near(Box<Near>),
}

/// Keeps the first of all rows that are the same, or nearly the same, in some columns.
///
/// Rows come out as they come in, in their order. Columns that aren't named make no difference.
///
/// - `exact`: rows are the same when all values are: nulls, numbers by their value, texts by their characters, lists and objects
///   by their JSON text. A row is remembered by the first 128 bits of a SHA-256, so that nobody can make two different rows
///   that pass for the same. About 40 bytes of memory a row that is kept.
/// - `near`: the texts of the columns are cut into overlapping shingles. Two texts are as similar as their sets of shingles
///   overlap (Jaccard: shingles in both, of those in either), which is estimated by the share of `permutations` under which
///   both have the same smallest shingle (Broder: On the Resemblance and Containment of Documents, 1997). The permutations are
///   multiply-shift hashes, random multiples of a 32-bit XXH3 of the shingle (Dietzfelbinger: Universal Hashing and k-wise
///   Independent Random Variables via Integer Arithmetic without Primes, 1996). Only rows that agree in one whole band of
///   permutations are compared (Indyk and Motwani: Approximate Nearest Neighbors, 1998): of pairs with similarity `s`, with `b`
///   bands of `r` permutations, `1 - (1 - s^r)^b` are found; with the defaults 95 % at 0.8 and 99.99 % at 0.9. A row is
///   dropped when it is at least `threshold` similar to one that was kept. Rows without any text are all kept. Memory for each
///   row that is kept: 4 bytes a permutation and about 25 a band, so 0.9 KB with the defaults.
#[step]
impl Aggregate for Deduplicate {
    type Parameters = Parameters;
    type Input = AnyRow<'static>;
    type Output = ();

    fn new(parameters: &Parameters) -> Result<Self> {
        let seen = match parameters.method {
            Method::Exact => Seen::Exact(Exact::default()),
            Method::Near => Seen::Near(Box::new(Near::new(parameters))),
        };
        Ok(Self { parameters: parameters.clone(), seen })
    }

    fn process(&mut self, batch: Batch<'_, AnyRow<'_>>) -> Result<Rows<()>> {
        let mut rows = Rows::new();
        let columns = self.parameters.columns.len();
        for (i, row) in batch.iter().enumerate() {
            let row = row?;
            let values = (0..columns).map(|column| row.json(column));
            let is_new = match &mut self.seen {
                Seen::Exact(exact) => exact.is_new(values),
                Seen::Near(near) => near.is_new(values),
            };
            if is_new.context("a value is not JSON")? {
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

    /// The rows that are kept, by their place among all.
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
    fn the_first_of_equal_rows_is_kept() {
        let a = ["1", "1.0", "\"1\"", "null", "null", "1", "[1]", "[ 1]"];
        let b = ["\"x\"", "\"\\u0078\"", "\"x\"", "1", "1", "null", "1", "1"];
        for rows in 1..9 {
            assert_eq!(kept(r#"{"columns": ["a", "b"]}"#, &a, &b, rows), [0, 2, 3, 5, 6, 7]);
            assert_eq!(kept(r#"{"columns": ["b"]}"#, &a, &b, rows), [0, 3, 5]);
        }
    }

    #[test]
    fn values_do_not_run_into_each_other() {
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
    fn near_texts_are_dropped() {
        for rows in 1..7 {
            assert_eq!(kept(r#"{"columns": ["a"], "method": "near"}"#, &TEXTS, &TEXTS, rows), [0, 2, 3, 4]);
        }
        let strict = r#"{"columns": ["a"], "method": "near", "threshold": 1.0}"#;
        assert_eq!(kept(strict, &TEXTS, &TEXTS, 6), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn texts_shorter_than_a_shingle_are_one() {
        let texts = ["\"a\"", "\"b\"", "\"a\"", "\"\"", "\"\"", "\"ab\""];
        assert_eq!(kept(r#"{"columns": ["a"], "method": "near"}"#, &texts, &texts, 6), [0, 1, 3, 5]);
        let words = r#"{"columns": ["a"], "method": "near", "shingle": "words", "shingle-size": 2}"#;
        assert_eq!(kept(words, &["\"a  b\"", "\"a b\"", "\"b a\"", "\" \""], &[""; 4], 4), [0, 2, 3]);
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let message = |more: &str| {
            bind::<Deduplicate>(&format!(r#"{{"columns": ["a"], "method": "near"{more}}}"#)).unwrap_err().message
        };
        assert_eq!(message(r#", "permutations": 1000000000"#), "`permutations` must be from 1 to 1024, not 1000000000");
        assert_eq!(message(r#", "bands": 24"#), "`permutations` is 128, which cannot be divided into 24 `bands`");
        assert_eq!(message(r#", "shingle-size": 0"#), "`shingle-size` must be from 1 to 100, not 0");
        assert_eq!(message(r#", "threshold": 2"#), "`threshold` must be from 0 to 1, not 2");
        assert_eq!(bind::<Deduplicate>(r#"{"columns": []}"#).unwrap_err().message, "`columns` names no column");
    }
}
