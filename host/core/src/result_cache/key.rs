//! Cache keys.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::batch::LoweredColumn;
use crate::plan::Step;

/// Part of every key. Its last digit changes when a new version of the host passes different data to steps.
const DOMAIN: &[u8] = b"stillbox-output-3";

/// The size of a cache key.
pub(super) const KEY_BYTES: usize = 32;

/// A cache key: a SHA-256 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheKey([u8; KEY_BYTES]);

impl CacheKey {
    /// A key with these bytes.
    pub(super) const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes of the digest.
    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Builds a key of everything that the output of a step depends on. Rows may come from an attacker, and a collision would
/// give a wrong output, so the digest is cryptographic.
#[derive(Clone)]
pub(crate) struct CacheKeyBuilder {
    digest: Sha256,
}

impl CacheKeyBuilder {
    /// Creates a builder for a step. `seed` is the seed of its random numbers.
    pub(crate) fn new(step: &Step, seed: u64) -> Self {
        let mut maker = Self { digest: Sha256::new() };
        maker.add(DOMAIN);
        maker.add(step.component.digest().as_bytes());
        maker.add(step.parameters.as_bytes());
        // No other grant is allowed with a cache.
        let env = step.access.as_ref().map_or(&[][..], |access| access.env());
        maker.add(&(env.len() as u64).to_le_bytes());
        for (name, value) in env {
            maker.add(name.as_bytes());
            maker.add(value.as_bytes());
        }
        maker.add(&seed.to_le_bytes());
        // An entry without reasons is of no use to a run that records them.
        if step.records_drops {
            maker.add(b"reasons of dropped rows");
        }
        maker
    }

    /// Adds a batch as it is passed to the step.
    pub(crate) fn add_batch(&mut self, rows: usize, columns: &[LoweredColumn]) {
        self.add(&(rows as u64).to_le_bytes());
        self.add(&(columns.len() as u64).to_le_bytes());
        for column in columns {
            column.bytes(&mut |part| self.add(part));
        }
    }

    /// Adds whether a rejected row stops the run.
    pub(crate) fn add_policy(&mut self, stops: bool) {
        self.add(if stops { b"stop" } else { b"reject" });
    }

    /// Returns the key.
    pub(crate) fn key(self) -> CacheKey {
        CacheKey(self.digest.finalize().into())
    }

    /// Adds a part with its length in front, so that different lists of parts never give the same bytes.
    fn add(&mut self, part: &[u8]) {
        self.digest.update((part.len() as u64).to_le_bytes());
        self.digest.update(part);
    }
}
