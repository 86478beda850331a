//! Hashes texts: integer arithmetic on bytes.

use stillbox_sdk::{Input, Output, Result, step};

/// The columns that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    pub text: &'a str,
}

/// The columns that the step writes.
#[derive(Debug, Output)]
pub struct Hashed {
    /// The hash of the text.
    pub hash: i64,
}

/// Hashes a text.
#[step]
pub fn hash_texts(row: Row<'_>) -> Result<Hashed> {
    Ok(Hashed { hash: hash(row.text.as_bytes()) as i64 })
}

/// Returns the 64-bit FNV-1a hash (<http://www.isthe.com/chongo/tech/comp/fnv/>), which compilers cannot vectorise.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}
