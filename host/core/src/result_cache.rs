//! The result cache: outputs of steps with `cache = true`, stored on disk for later runs.
//!
//! The key of an entry is the digest of everything that its content depends on (`key`): the component, its parameters, its
//! grants and its input. A stale entry is therefore never found. The key is the name of the entry and a part of every record,
//! so that an entry under another name counts as a miss. Every record has a checksum; a corrupt one counts as a miss, too. Entries are written to temporary files and renamed, so several processes can share a cache. Nothing is synced to
//! disk: an entry that a power loss truncates is corrupt.
//!
//! A transform has one entry per batch. A source or an aggregate has one entry for all of its calls (`call_log`), since its
//! instance cannot resume in the middle.

mod call_log;
mod entry;
mod key;
mod responses;
mod usage;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use crate::batch::GivenRows;
use crate::batch::StepOutput;
use crate::cleanup::CleanupRegistry;
use crate::component::Signature;
use crate::http::ResponseStore;
use crate::os;
use crate::private_dir::{create_temporary, is_private, note_use, open_private};

pub(crate) use call_log::{CallLog, CallRecorder, CallReplay};
use entry::CachedCall;
pub(crate) use entry::{record_again, sample_record};
pub(crate) use key::{CacheKey, CacheKeyBuilder};
use parking_lot::Mutex;
pub use usage::{CachePruneSummary, CacheUsage, build_caches, prune_cache, usage_of_cache};

/// A directory with the results of steps, or no cache.
#[derive(Debug, Clone, Default)]
pub struct ResultCache {
    directory: Option<PathBuf>,
    cleanup: CleanupRegistry,
    /// Temporary files with call logs that this run is recording.
    recordings: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl ResultCache {
    /// No cache: every run calls all steps.
    pub fn disabled() -> Self {
        Self::default()
    }

    /// A cache in this directory. It is created for the first entry, with access for this user only.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: Some(directory.into()), ..Self::default() }
    }

    /// The same cache for one run. Its temporary files are registered in `cleanup`.
    pub(crate) fn for_run(&self, cleanup: &CleanupRegistry) -> Self {
        Self { directory: self.directory.clone(), cleanup: cleanup.clone(), recordings: Arc::default() }
    }

    /// Removes the call logs that the run is still recording on any thread. They can be large.
    pub(crate) fn abandon(&self) {
        for path in std::mem::take(&mut *self.recordings.lock()) {
            let _ = fs::remove_file(path);
        }
    }

    /// Returns the cached result of a call, or `None` on a miss.
    pub(crate) fn get(&self, key: &CacheKey, signature: &Signature, given: GivenRows) -> Option<StepOutput> {
        let (path, mut file) = self.usable(key)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let payload = entry::FORMAT
            .payload(&bytes)
            .inspect_err(|error| tracing::debug!("{}: the cache entry is not used: {error}", path.display()))
            .ok()?;
        let Some(CachedCall::Output(made)) = entry::decode(payload, key, signature, given) else {
            tracing::debug!("{}: the cache entry is corrupt or that of another key, and is ignored", path.display());
            return None;
        };
        note_use(&file, &path);
        Some(made)
    }

    /// Caches the result of a call. Errors are logged and otherwise ignored, since a miss only costs time.
    pub(crate) fn put(&self, key: &CacheKey, made: &StepOutput) {
        self.write(key, || entry::encode(key, Some(made)).map_err(io::Error::other));
    }

    /// Writes the entry of a key. Errors are logged and otherwise ignored, since a miss only costs time.
    fn write(&self, key: &CacheKey, encode: impl FnOnce() -> io::Result<Vec<u8>>) {
        let Some(path) = self.path(key) else { return };
        let written = encode().and_then(|bytes| {
            let mut file = create_temporary(&path)?;
            file.write_all(&bytes)?;
            os::persist(file, &path)?;
            Ok(())
        });
        if let Err(error) = written {
            tracing::debug!("{}: cannot write the cache entry: {error}", path.display());
        }
    }

    /// Returns the cached call log to replay, or on a miss a new one to record. Returns [`CallLog::Off`] without a cache.
    pub(crate) fn call_log(&self, key: &CacheKey, signature: &Signature) -> CallLog {
        if let Some((path, file)) = self.usable(key)
            && let Some(replay) = CallReplay::open(file, &path, key, signature)
        {
            return CallLog::Replay(replay);
        }
        self.path(key).and_then(|path| CallRecorder::begin(&path, key, self).ok()).map_or(CallLog::Off, CallLog::Record)
    }

    /// Whether there is a cache.
    pub(crate) fn is_enabled(&self) -> bool {
        self.directory.is_some()
    }

    /// Returns the stored responses of requests, which are in the same directory. `None` without a cache.
    pub(crate) fn responses(&self, cleanup: &CleanupRegistry) -> Option<Arc<dyn ResponseStore>> {
        self.is_enabled().then(|| Arc::new(self.for_run(cleanup)) as Arc<dyn ResponseStore>)
    }

    fn path(&self, key: &CacheKey) -> Option<PathBuf> {
        let name = key.to_string();
        // Subfolders keep the number of files per folder small.
        Some(self.directory.as_deref()?.join(&name[..2]).join(format!("{}.{}", &name[2..], usage::OUTPUT_EXTENSION)))
    }

    /// An existing entry. Returns `None` if it, or a directory that it is in, is not private to this user.
    fn usable(&self, key: &CacheKey) -> Option<(PathBuf, File)> {
        let path = self.path(key)?;
        let file = open_private(&path)?;
        let are_private = is_private(self.directory.as_deref()?) && is_private(path.parent()?);
        are_private.then_some((path, file))
    }
}
