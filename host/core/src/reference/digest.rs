//! Digests of files.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::error::ReferenceError;
use crate::digest::digest_text;

/// The algorithm, as registries write it.
const SHA256: &str = "sha256:";
/// The number of hexadecimal digits.
const DIGITS: usize = 64;

/// The SHA-256 of a file: `sha256:` and 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// Parses a digest.
    ///
    /// # Errors
    /// It has another algorithm or number of digits, or other characters.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let digits = text.strip_prefix(SHA256).unwrap_or_default();
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() == DIGITS && digits.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ReferenceError::Digest(text.to_owned()))
        }
    }

    /// Computes the digest of bytes.
    pub(crate) fn compute(bytes: &[u8]) -> Self {
        Self(digest_text(&Sha256::digest(bytes)))
    }

    /// Returns `sha256:` and the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the digits alone.
    pub fn digits(&self) -> &str {
        &self.0[SHA256.len()..]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
