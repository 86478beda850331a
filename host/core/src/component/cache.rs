//! The cache of compiled components.
//!
//! The key of an entry is the digest of the component and of everything that the compiler's output depends on, so a stale
//! entry is never found. It is the name of the entry and a part of it, so that an entry under another name counts as a miss, as
//! a corrupt one does. wasmtime maps an entry into memory and needs the code at its start, so the header of the entry's frame
//! is at its end; before it are a note, the key, the length of the note and the time that the compilation took. Entries are written
//! to temporary files and renamed, so several processes can share a cache.
//!
//! Compiled code is trusted like the `stillbox` program itself. The directory is therefore private to the user, and neither it
//! nor an entry is used if it belongs to another user or others can write to it.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::Component;

use super::{does_not_fit, load};
use crate::frame::{FrameError, FrameFormat, HEADER, ReadFrameError};
use crate::os;
use crate::private_dir::{create_temporary, is_private, make_private, note_use, open_private};

/// The frame of an entry. Its payload is the code, followed by the note, the key, the length of the note, and the time of the
/// compilation in microseconds.
const FORMAT: FrameFormat = FrameFormat::new(*b"stillcc", 5);

/// The bytes of the length of the note and of the time, after the key.
const KEY_END: u64 = 4 + 8;

/// An entry of the cache, whose code is not loaded yet.
pub(super) struct CacheEntry {
    path: PathBuf,
    pub(super) compiled_in: Duration,
    /// Data about the code. Empty unless it is a snapshot.
    pub(super) note: Vec<u8>,
}

impl CacheEntry {
    /// Loads the code. Returns `None` if the engine does not accept it. The inner error is that it does not fit into the engine's
    /// pool.
    pub(super) fn load(&self, engine: &Engine) -> Option<wasmtime::Result<Component>> {
        match load::load_file(engine, &self.path) {
            Ok(component) => Some(Ok(component)),
            Err(error) if does_not_fit(&error) => Some(Err(error)),
            Err(error) => {
                tracing::debug!("{}: {error:#}, compiling again", self.path.display());
                None
            }
        }
    }
}

/// A directory with compiled components, or no cache.
#[derive(Debug, Clone)]
pub struct CompileCache {
    directory: Option<PathBuf>,
}

impl CompileCache {
    /// No cache: every run compiles its components.
    pub fn disabled() -> Self {
        Self { directory: None }
    }

    /// A cache in this directory. It is created for the first entry.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: Some(directory.into()) }
    }

    /// Returns the component compiled for this engine and the time its compilation took, or `None` on a miss. The inner error is
    /// that the component does not fit into the engine's pool, where compiling it again is of no use.
    pub(super) fn compiled(&self, engine: &Engine, digest: &str) -> Option<wasmtime::Result<(Component, Duration)>> {
        let entry = self.get(engine, digest)?;
        Some(entry.load(engine)?.map(|component| (component, entry.compiled_in)))
    }

    /// Returns the entry for this engine, or `None` on a miss.
    pub(super) fn get(&self, engine: &Engine, digest: &str) -> Option<CacheEntry> {
        let directory = self.directory.as_deref()?;
        let key = key(engine, digest);
        let path = path(directory, &key);
        let mut file = open_private(&path)?;
        if !is_private(directory) {
            tracing::debug!("{} is not private to this user; the cache is not used", directory.display());
            return None;
        }
        let (compiled_in, note) = read(&mut file, &key)
            .inspect_err(|error| tracing::debug!("{}: the cache entry is not used: {error}", path.display()))
            .ok()?;
        note_use(&file, &path);
        Some(CacheEntry { path, compiled_in, note })
    }

    /// Caches a compiled component. Errors are logged and otherwise ignored, since a miss only costs time.
    pub(super) fn put(&self, engine: &Engine, digest: &str, code: &[u8], note: &[u8], compiled_in: Duration) {
        let Some(directory) = &self.directory else { return };
        let key = key(engine, digest);
        let path = path(directory, &key);
        if let Err(error) = write(&path, &key, (code, note), compiled_in) {
            tracing::warn!(
                "cannot cache the compiled component as {}: {error}; every run compiles it again",
                path.display()
            );
        }
    }
}

fn key(engine: &Engine, digest: &str) -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{}-{:016x}", digest.trim_start_matches("sha256:"), hasher.finish())
}

fn path(directory: &Path, key: &str) -> PathBuf {
    directory.join(format!("{key}.cwasm"))
}

/// Checks an entry, without keeping its code in memory. Returns the time that the compilation took, and the note.
///
/// # Errors
/// The entry cannot be read, is corrupt, of another version, or that of another key.
fn read(entry: &mut File, key: &str) -> Result<(Duration, Vec<u8>), ReadFrameError> {
    let length = entry.metadata()?.len();
    let length = length.checked_sub(HEADER as u64).ok_or(FrameError::Truncated)?;
    entry.seek(SeekFrom::Start(length))?;
    let mut header = [0; HEADER];
    entry.read_exact(&mut header)?;
    entry.rewind()?;
    FORMAT.check_file(&header, entry, length)?;
    let end = read_before(entry, length, KEY_END)?;
    let (length_of_note, micros) = end.split_first_chunk::<4>().ok_or(FrameError::Truncated)?;
    let (length_of_note, micros) = (u32::from_le_bytes(*length_of_note), micros.first_chunk::<8>());
    let micros = u64::from_le_bytes(*micros.ok_or(FrameError::Truncated)?);
    let note_and_key = u64::from(length_of_note) + key.len() as u64;
    let note = read_before(entry, length - KEY_END, note_and_key)?;
    let note = note.strip_suffix(key.as_bytes()).ok_or(FrameError::OtherKey)?.to_vec();
    Ok((Duration::from_micros(micros), note))
}

/// Reads so many bytes before an offset.
fn read_before(file: &mut File, end: u64, count: u64) -> Result<Vec<u8>, ReadFrameError> {
    file.seek(SeekFrom::Start(end.checked_sub(count).ok_or(FrameError::Truncated)?))?;
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn write(path: &Path, key: &str, (code, note): (&[u8], &[u8]), compiled_in: Duration) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    make_private(directory)?;
    let length = u32::try_from(note.len()).map_err(io::Error::other)?.to_le_bytes();
    let micros = u64::try_from(compiled_in.as_micros()).unwrap_or(u64::MAX).to_le_bytes();
    let parts = [code, note, key.as_bytes(), &length, &micros];
    let mut file = create_temporary(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.write_all(&FORMAT.header(&parts))?;
    os::persist(file, path)?;
    Ok(())
}
