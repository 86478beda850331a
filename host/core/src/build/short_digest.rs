//! Digests in the names of folders.

use sha2::{Digest as _, Sha256};

/// Returns the digest of some parts, each with its length.
pub(super) fn digest_of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> impl AsRef<[u8]> {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize()
}

/// Returns the first hexadecimal digits of a digest.
pub(super) fn first_digits(digest: &impl AsRef<[u8]>, digits: usize) -> String {
    let digest = crate::component::digest(digest.as_ref());
    digest.trim_start_matches("sha256:").get(..digits).unwrap_or_default().to_owned()
}
