//! Hashes texts: work that is nothing but integer arithmetic on bytes.

use stillbox_sdk::{Input, Output, Result, step};

/// What the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    pub text: &'a str,
}

/// What the step writes.
#[derive(Debug, Output)]
pub struct Hashed {
    /// Its hash.
    pub hash: i64,
}

/// Hashes a text.
#[step]
pub fn hash_texts(row: Row<'_>) -> Result<Hashed> {
    Ok(Hashed { hash: hash(row.text.as_bytes()) as i64 })
}

/// FNV-1a with 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>), which no compiler can make wider.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}
