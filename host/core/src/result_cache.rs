//! What steps made, kept on disk from run to run: for steps with `cache = true`.
//!
//! An entry's name is the digest of all that its content depends on (`key`): the component, its parameters, what it is
//! granted, and its input. So a stale entry is never found. Every record has a checksum, so a broken one is noticed; it is
//! then as if it were not there. Entries are written beside and renamed, so two processes may fill one cache. Nothing
//! is synced: an entry that a power loss cuts off is a broken one.
//!
//! A transform has an entry for each batch. A source or an aggregate has one for all that it makes (`call_log`), since its
//! instance cannot be taken up in the middle.

mod call_log;
mod entry;
mod key;
mod usage;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use crate::batch::GivenRows;
use crate::batch::StepOutput;
use crate::cleanup::CleanupRegistry;
use crate::component::Signature;
use crate::private_dir::{create_temporary, is_private, note_use};

pub(crate) use call_log::{CallLog, CallRecorder, CallReplay};
use entry::CachedCall;
pub(crate) use key::{CacheKey, CacheKeyBuilder};
use parking_lot::Mutex;
pub use usage::{CachePruneSummary, CacheUsage, prune_cache, usage_of_cache};

/// A directory of what steps made, or none.
#[derive(Debug, Clone, Default)]
pub struct ResultCache {
    directory: Option<PathBuf>,
    cleanup: CleanupRegistry,
    /// Tapes that this run is making.
    recordings: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl ResultCache {
    /// No cache: steps with `cache = true` are called in every run.
    pub fn disabled() -> Self {
        Self::default()
    }

    /// A cache in this directory, which is made when the first entry is written. Only this user may have access to it.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: Some(directory.into()), ..Self::default() }
    }

    /// The same for one run, which lists what it has not finished.
    pub(crate) fn for_run(&self, cleanup: &CleanupRegistry) -> Self {
        Self { directory: self.directory.clone(), cleanup: cleanup.clone(), recordings: Arc::default() }
    }

    /// Removes the recordings that the run has not finished, on whatever thread they are. They may have become large.
    pub(crate) fn abandon(&self) {
        for path in std::mem::take(&mut *self.recordings.lock()) {
            let _ = fs::remove_file(path);
        }
    }

    /// What a call with this key made, if it is kept.
    pub(crate) fn get(&self, key: &CacheKey, signature: &Signature, given: GivenRows) -> Option<StepOutput> {
        let path = self.usable(key)?;
        let bytes = fs::read(&path).ok()?;
        let Some(CachedCall::Output(made)) = entry::decode(&bytes, signature, given) else {
            tracing::debug!("{}: not what was written, as if it were not there", path.display());
            return None;
        };
        note_use(&path);
        Some(made)
    }

    /// Keeps what a call made. Where that is not possible, nothing is lost but time.
    pub(crate) fn put(&self, key: &CacheKey, made: &StepOutput) {
        let Some(path) = self.path(key) else { return };
        let written = entry::encode(Some(made)).map_err(io::Error::other).and_then(|bytes| {
            let mut file = create_temporary(&path)?;
            file.write_all(&bytes)?;
            file.persist(&path)?;
            Ok(())
        });
        if let Err(error) = written {
            tracing::debug!("{}: not kept: {error}", path.display());
        }
    }

    /// The tape with this key: one that is kept, or one to be recorded, or none where there is no cache.
    pub(crate) fn call_log(&self, key: &CacheKey, signature: &Signature) -> CallLog {
        if let Some(path) = self.usable(key)
            && let Some(replay) = CallReplay::open(&path, signature)
        {
            note_use(&path);
            return CallLog::Replay(replay);
        }
        self.path(key).and_then(|path| CallRecorder::begin(&path, self).ok()).map_or(CallLog::Off, CallLog::Record)
    }

    /// Whether anything can be kept.
    pub(crate) fn is_enabled(&self) -> bool {
        self.directory.is_some()
    }

    fn path(&self, key: &CacheKey) -> Option<PathBuf> {
        let name = key.to_string();
        // So that no folder has hundreds of thousands of files.
        Some(self.directory.as_deref()?.join(&name[..2]).join(format!("{}.{}", &name[2..], usage::OUTPUT_EXTENSION)))
    }

    /// The same, unless others could have put something there.
    fn usable(&self, key: &CacheKey) -> Option<PathBuf> {
        let path = self.path(key)?;
        (path.exists() && is_private(self.directory.as_deref()?)).then_some(path)
    }
}
