use std::collections::HashSet;

use sha2::{Digest as _, Sha256};
use stillbox_sdk::Result;
use stillbox_sdk::any::AnyRow;

/// The hashes of the rows seen so far.
#[derive(Debug, Default)]
pub(crate) struct Exact {
    seen: HashSet<[u8; 16]>,
    key: Vec<u8>,
}

impl Exact {
    /// Adds a row, and returns whether it differs from all earlier rows.
    pub(crate) fn is_new(&mut self, row: &AnyRow<'_>, columns: usize) -> Result<bool> {
        self.key.clear();
        for column in 0..columns {
            row.write_key(column, &mut self.key)?;
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&Sha256::digest(&self.key)[..16]);
        Ok(self.seen.insert(hash))
    }
}
