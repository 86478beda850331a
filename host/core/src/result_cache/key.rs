//! Under what an output is kept.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::batch::LoweredColumn;
use crate::plan::Step;

/// Part of every key; the last digit changes whenever something in the host changes what a step gets to see.
const DOMAIN: &[u8] = b"stillbox-output-1";

/// What steps are granted. There is nothing to grant yet.
const GRANTS: &[u8] = b"nothing";

/// A SHA-256 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheKey([u8; 32]);

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Makes a key of all that a step's output depends on. A collision would be a wrong output, and rows may come from
/// anyone, so the digest is a cryptographic one.
#[derive(Clone)]
pub(crate) struct CacheKeyBuilder {
    digest: Sha256,
}

impl CacheKeyBuilder {
    /// Begins with the step. `seed` is what its random numbers are made of.
    pub(crate) fn new(step: &Step, seed: u64) -> Self {
        let mut maker = Self { digest: Sha256::new() };
        maker.add(DOMAIN);
        maker.add(step.component.digest().as_bytes());
        maker.add(step.parameters.as_bytes());
        maker.add(GRANTS);
        maker.add(&seed.to_le_bytes());
        maker
    }

    /// Adds a batch as the step gets it.
    pub(crate) fn add_batch(&mut self, rows: usize, columns: &[LoweredColumn]) {
        self.add(&(rows as u64).to_le_bytes());
        self.add(&(columns.len() as u64).to_le_bytes());
        for column in columns {
            column.bytes(&mut |part| self.add(part));
        }
    }

    /// Adds whether a row that is refused ends the run.
    pub(crate) fn add_policy(&mut self, stops: bool) {
        self.add(if stops { b"stop" } else { b"reject" });
    }

    /// The key of all that was added.
    pub(crate) fn key(self) -> CacheKey {
        CacheKey(self.digest.finalize().into())
    }

    /// Every part with its length before it, so that no two lists of parts are the same bytes.
    fn add(&mut self, part: &[u8]) {
        self.digest.update((part.len() as u64).to_le_bytes());
        self.digest.update(part);
    }
}
