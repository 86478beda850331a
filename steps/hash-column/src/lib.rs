//! The step `hash-column`.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use stillbox_sdk::any::{AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::{Output, Parameters, Result, step};
use twox_hash::{XxHash3_64, XxHash3_128};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(inputs = Self::inputs)]
pub struct Parameters {
    /// The column to hash.
    pub column: String,
    /// The output column, which is added or replaced.
    pub into: String,
    /// The hash function. Only `sha256` is resistant to deliberate collisions.
    #[parameter(default = Algorithm::Sha256)]
    pub algorithm: Algorithm,
    /// The bytes to hash: the UTF-8 of a `text` column, the bytes of a `binary` column, or the JSON text of a column of any type, in which
    /// negative zero is zero.
    #[parameter(name = "type", default = Hashed::Text)]
    pub hashed: Hashed,
}

/// A hash function.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// XXH3 with 64 bits and no seed.
    Xxh3_64,
    /// XXH3 with 128 bits and no seed.
    Xxh3_128,
    /// CRC-32 (IEEE 802.3, as in zlib).
    Crc32,
}

/// The bytes of a value to hash.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Hashed {
    /// The UTF-8 of a text.
    Text,
    /// The bytes of a binary value.
    Binary,
    /// The JSON text of any value.
    Json,
}

impl Parameters {
    fn inputs(&self) -> Vec<Field> {
        let data_type = match self.hashed {
            Hashed::Text => DataType::Text,
            Hashed::Binary => DataType::Binary,
            Hashed::Json => DataType::Json,
        };
        vec![Field::new(&self.column, data_type)]
    }
}

/// The columns that the step writes.
#[derive(Debug, Output)]
pub struct Hash {
    /// The hash as lower-case hexadecimal digits, or null for a null.
    #[column(from = "into")]
    pub hash: Option<String>,
}

/// Hashes the values of a column, and writes the hashes as hexadecimal digits.
#[step]
pub fn hash_column(parameters: &Parameters, row: AnyRow<'_>) -> Result<Hash> {
    let hash = |bytes: &[u8]| Some(hash(parameters.algorithm, bytes));
    let hash = match row.get(0) {
        AnyValue::Text(value) => hash(value.as_bytes()),
        // Negative zero equals zero.
        AnyValue::Json(value) => match row.non_finite(0) {
            Some(number) => hash(number.to_string().as_bytes()),
            None => hash(value.strip_prefix('-').filter(|rest| is_zero(rest)).unwrap_or(&value).as_bytes()),
        },
        AnyValue::Binary(value) => hash(&value),
        _ => None,
    };
    Ok(Hash { hash })
}

/// Returns whether a number without its sign is zero.
fn is_zero(number: &str) -> bool {
    number.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

/// Returns a hash as hexadecimal digits, the most significant first.
pub fn hash(algorithm: Algorithm, bytes: &[u8]) -> String {
    match algorithm {
        Algorithm::Sha256 => Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        }),
        Algorithm::Xxh3_64 => format!("{:016x}", XxHash3_64::oneshot(bytes)),
        Algorithm::Xxh3_128 => format!("{:032x}", XxHash3_128::oneshot(bytes)),
        Algorithm::Crc32 => format!("{:08x}", crc32fast::hash(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::testing::{batch, bind, column, values};

    use super::*;

    #[test]
    fn the_hashes_equal_those_of_other_implementations() {
        // From Python (hashlib, xxhash and zlib), for "" and "abc".
        for (algorithm, empty, abc) in [
            (
                Algorithm::Sha256,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (Algorithm::Xxh3_64, "2d06800538d394c2", "78af5f94892f3950"),
            (Algorithm::Xxh3_128, "99aa06d3014798d86001c324468d497f", "06b05ab6733a618578af5f94892f3950"),
            (Algorithm::Crc32, "00000000", "352441c2"),
        ] {
            assert_eq!([hash(algorithm, b""), hash(algorithm, b"abc")], [empty, abc], "{algorithm:?}");
        }
    }

    #[test]
    fn text_and_binary_columns_are_hashed_by_their_bytes() {
        let mut step = bind::<hash_column>(r#"{"column": "a", "into": "h", "algorithm": "crc32"}"#).unwrap();
        let output = step.process(&batch([column("a", [Some("abc"), None])])).unwrap();
        assert_eq!(values::<Option<String>>(&output, "h"), [Some("352441c2".to_owned()), None]);
        let binary = r#"{"column": "a", "into": "a", "algorithm": "crc32", "type": "binary"}"#;
        let output = bind::<hash_column>(binary).unwrap().process(&batch([column("a", [&b"abc"[..]])])).unwrap();
        assert_eq!(values::<Option<String>>(&output, "a"), [Some("352441c2".to_owned())]);
    }

    #[test]
    fn an_unknown_algorithm_is_rejected() {
        let error = bind::<hash_column>(r#"{"column": "a", "into": "h", "algorithm": "xxh64"}"#).unwrap_err();
        assert_eq!(error.message, "`algorithm` cannot be \"xxh64\", did you mean `xxh3-64`?");
    }
}
