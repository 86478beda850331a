use std::collections::HashSet;

use sha2::{Digest as _, Sha256};
use stillbox_sdk::{Json, Result};

/// The hashes of the rows seen so far.
#[derive(Debug, Default)]
pub(crate) struct Exact {
    seen: HashSet<[u8; 16]>,
    key: Vec<u8>,
}

impl Exact {
    /// Adds a row, and returns whether it differs from all earlier rows.
    pub(crate) fn is_new<'a>(&mut self, values: impl Iterator<Item = Option<Json<'a>>>) -> Result<bool> {
        self.key.clear();
        for value in values {
            match value {
                Some(value) => value.write_key(&mut self.key)?,
                None => self.key.push(0),
            }
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&Sha256::digest(&self.key)[..16]);
        Ok(self.seen.insert(hash))
    }
}
