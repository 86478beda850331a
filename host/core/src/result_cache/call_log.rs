//! All that one instance made, call after call.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::ResultCache;
use super::entry::{CachedCall, HEADER, decode, encode, header, is_end};
use crate::batch::GivenRows;
use crate::batch::StepOutput;
use crate::cleanup::Entry;
use crate::component::Signature;
use crate::corrupt::CorruptFile;
use crate::private_dir::create_temporary;

/// What stands for the calls of an instance, or is made of them.
pub(crate) enum CallLog {
    /// Nothing is kept.
    Off,
    /// There is one, so the instance is not needed.
    Replay(CallReplay),
    /// There is none yet.
    Record(CallRecorder),
}

/// A tape that was found whole, and is read call after call.
pub(crate) struct CallReplay {
    file: BufReader<File>,
    path: PathBuf,
    signature: Signature,
}

impl CallReplay {
    /// Opens a tape, if every record of it is as it was written: once it plays, there is no way back to the instance.
    pub(super) fn open(path: &Path, signature: &Signature) -> Option<Self> {
        let file = BufReader::new(File::open(path).ok()?);
        let mut replay = Self { file, path: path.to_owned(), signature: signature.clone() };
        while !is_end(&replay.record().ok()?)? {}
        let mut more = [0];
        if replay.file.read(&mut more).ok()? > 0 {
            return None;
        }
        replay.file.rewind().ok()?;
        Some(replay)
    }

    /// What the next call made; none at the end.
    ///
    /// # Errors
    /// Someone changed the file, or the calls are not those that were recorded.
    pub(crate) fn next(&mut self, given: GivenRows) -> io::Result<Option<StepOutput>> {
        let record = self.record()?;
        match decode(&record, &self.signature, given) {
            Some(CachedCall::Output(made)) => Ok(Some(made)),
            Some(CachedCall::End) => Ok(None),
            None => Err(self.corrupt().into()),
        }
    }

    fn record(&mut self) -> io::Result<Vec<u8>> {
        let mut record = vec![0; HEADER];
        self.file.read_exact(&mut record)?;
        let first = record.first_chunk::<HEADER>().and_then(header);
        let (length, _) = first.ok_or_else(|| self.corrupt())?;
        // As much as there is, whatever the length says.
        (&mut self.file).take(length).read_to_end(&mut record)?;
        Ok(record)
    }

    fn corrupt(&self) -> CorruptFile {
        CorruptFile::new(&self.path, "a call is not what was written")
    }
}

/// A tape that is being made. Unless it is ended it is removed.
pub(crate) struct CallRecorder {
    file: BufWriter<tempfile::NamedTempFile>,
    path: PathBuf,
    registered: RegisteredFile,
}

/// The file beside, registered for as long as this lives.
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
    pub(super) fn begin(path: &Path, cache: &ResultCache) -> io::Result<Self> {
        let file = create_temporary(path)?;
        cache.recordings.lock().insert(file.path().to_owned());
        let registered = RegisteredFile {
            path: file.path().to_owned(),
            recordings: Arc::clone(&cache.recordings),
            _unfinished: cache.cleanup.add(file.path()),
        };
        Ok(Self { file: BufWriter::new(file), path: path.to_owned(), registered })
    }

    /// Adds what a call made.
    ///
    /// # Errors
    /// The disk is full, or fails; then there is no tape.
    pub(crate) fn add(&mut self, made: &StepOutput) -> io::Result<()> {
        self.file.write_all(&encode(Some(made)).map_err(io::Error::other)?)
    }

    /// Ends the tape and keeps it.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.file.write_all(&encode(None).map_err(io::Error::other)?)?;
        self.file.into_inner().map_err(io::IntoInnerError::into_error)?.persist(&self.path)?;
        drop(self.registered);
        Ok(())
    }
}
