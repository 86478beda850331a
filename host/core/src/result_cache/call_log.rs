//! Call logs: the results of all calls of one instance, in order.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::ResultCache;
use super::entry::{CachedCall, FORMAT, decode, encode, is_end};
use super::key::CacheKey;
use crate::batch::GivenRows;
use crate::batch::StepOutput;
use crate::cleanup::Entry;
use crate::component::Signature;
use crate::corrupt::CorruptFile;
use crate::frame::ReadFrameError;
use crate::os;
use crate::private_dir::{create_temporary, note_use};

/// The call log of an instance.
pub(crate) enum CallLog {
    /// The calls are not cached.
    Off,
    /// The calls are cached. Their results are replayed without an instance.
    Replay(CallReplay),
    /// The calls are not cached yet. Their results are recorded.
    Record(CallRecorder),
}

/// A complete call log that is being read.
pub(crate) struct CallReplay {
    file: BufReader<File>,
    path: PathBuf,
    key: CacheKey,
    signature: Signature,
}

impl CallReplay {
    /// Opens a call log. Returns `None` if any of its records is corrupt or that of another key. All are checked first, because
    /// an instance cannot take over in the middle.
    pub(super) fn open(file: File, path: &Path, key: &CacheKey, signature: &Signature) -> Option<Self> {
        note_use(&file, path);
        let file = BufReader::new(file);
        let mut replay = Self { file, path: path.to_owned(), key: *key, signature: signature.clone() };
        while !is_end(&replay.record().ok()?, key)? {}
        let mut more = [0];
        if replay.file.read(&mut more).ok()? > 0 {
            return None;
        }
        replay.file.rewind().ok()?;
        Some(replay)
    }

    /// Returns the result of the next call, or `None` at the end.
    ///
    /// # Errors
    /// The file has changed since it was opened, or the calls are not the recorded ones.
    pub(crate) fn next(&mut self, given: GivenRows) -> io::Result<Option<StepOutput>> {
        let record = self.record()?;
        match decode(&record, &self.key, &self.signature, given) {
            Some(CachedCall::Output(made)) => Ok(Some(made)),
            Some(CachedCall::End) => Ok(None),
            None => Err(self.corrupt().into()),
        }
    }

    fn record(&mut self) -> io::Result<Vec<u8>> {
        FORMAT.read(&mut self.file).map_err(|error| match error {
            ReadFrameError::Io(error) => error,
            ReadFrameError::Frame(_) => self.corrupt().into(),
        })
    }

    fn corrupt(&self) -> CorruptFile {
        CorruptFile::new(&self.path, "a recorded call is not as it was written")
    }
}

/// A call log that is being recorded. It is removed when this is dropped without a call of [`end`](Self::end).
pub(crate) struct CallRecorder {
    file: BufWriter<tempfile::NamedTempFile>,
    path: PathBuf,
    key: CacheKey,
    registered: RegisteredFile,
}

/// The temporary file, registered for removal for as long as this lives.
struct RegisteredFile {
    path: PathBuf,
    recordings: Arc<Mutex<BTreeSet<PathBuf>>>,
    _unfinished: Entry,
}

impl Drop for RegisteredFile {
    fn drop(&mut self) {
        self.recordings.lock().remove(&self.path);
    }
}

impl CallRecorder {
    pub(super) fn begin(path: &Path, key: &CacheKey, cache: &ResultCache) -> io::Result<Self> {
        let file = create_temporary(path)?;
        cache.recordings.lock().insert(file.path().to_owned());
        let registered = RegisteredFile {
            path: file.path().to_owned(),
            recordings: Arc::clone(&cache.recordings),
            _unfinished: cache.cleanup.add(file.path()),
        };
        Ok(Self { file: BufWriter::new(file), path: path.to_owned(), key: *key, registered })
    }

    /// Records the result of a call.
    ///
    /// # Errors
    /// The file cannot be written. The recording is then incomplete and must be dropped.
    pub(crate) fn add(&mut self, made: &StepOutput) -> io::Result<()> {
        self.file.write_all(&encode(&self.key, Some(made)).map_err(io::Error::other)?)
    }

    /// Completes the call log and makes it an entry of the cache.
    ///
    /// # Errors
    /// The file cannot be written or renamed.
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.file.write_all(&encode(&self.key, None).map_err(io::Error::other)?)?;
        os::persist(self.file.into_inner().map_err(io::IntoInnerError::into_error)?, &self.path)?;
        drop(self.registered);
        Ok(())
    }
}
