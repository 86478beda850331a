//! SHA-256 digests: of several parts, and as text.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Returns the digest of some parts, each with its length.
pub(crate) fn digest_of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// Returns a digest as in records: `sha256:` and hexadecimal digits.
pub(crate) fn digest_text(digest: &[u8]) -> String {
    digest.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns the first hexadecimal digits of a digest, for names of folders.
pub(crate) fn first_digits(digest: &[u8], digits: usize) -> String {
    digest_text(digest).trim_start_matches("sha256:").get(..digits).unwrap_or_default().to_owned()
}
