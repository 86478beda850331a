//! Output files: a temporary file first, renamed to the target at the end.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::{NamedTempFile, TempPath};

use super::SinkLocation;
use super::error::{SinkError, SinkErrorKind};
use super::synced::StagingDir;
use crate::corrupt::CorruptFile;
use crate::os;
use crate::private_dir::not_followed;
use crate::units::grouped;
use crate::writeback::{FileWriteback, MAX_WRITE};

/// Bytes buffered before they are written to a file.
pub(super) const BUFFER_BYTES: usize = 256 << 10;

/// Maximum number of symbolic links followed; the limit of Linux.
const MAX_LINKS: usize = 40;

/// The end of the names of locks.
pub(crate) const LOCK_ENDING: &str = ".stillbox-lock";

/// Maximum bytes of the target's name in the name of the temporary file. The complete name must stay below 255 bytes.
const MAX_NAME_BYTES: usize = 190;

/// An open output. A file dropped without [`OutputFile::publish`] is removed, unless cleanup is disabled.
#[derive(Debug)]
pub(super) enum OutputFile {
    /// A temporary file in the folder of the target, and the target.
    Staged(NamedTempFile, PathBuf, Option<FileWriteback>),
    /// A device or a pipe, written directly.
    Direct(File),
    /// Standard output.
    Stdout(io::Stdout),
}

impl OutputFile {
    /// Opens the output. An existing file is not changed before the end.
    pub(super) fn open(
        location: &SinkLocation,
        name: &Arc<str>,
        run: Option<&str>,
        staging: Option<&StagingDir<'_>>,
    ) -> Result<Self, SinkError> {
        let path = match location {
            SinkLocation::Stdout => return Ok(Self::Stdout(io::stdout())),
            SinkLocation::Path(path) => path,
            SinkLocation::Batches(_) => unreachable!("rows for a function are not written to a file"),
        };
        let failed = |source| SinkError::io(name, "open this output", source);
        let existing = match fs::metadata(path) {
            Ok(existing) => Some(existing),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        match existing {
            Some(existing) if existing.is_dir() => Err(SinkError::new(name, SinkErrorKind::Directory)),
            Some(existing) if !existing.is_file() => {
                Ok(Self::Direct(OpenOptions::new().write(true).open(path).map_err(failed)?))
            }
            existing => Self::stage(&resolve_links(path).map_err(failed)?, existing.as_ref(), name, run, staging),
        }
    }

    /// Returns the path of the temporary file, if there is one.
    pub(super) fn partial(&self) -> Option<&Path> {
        match self {
            Self::Staged(file, ..) => Some(file.path()),
            Self::Direct(_) | Self::Stdout(_) => None,
        }
    }

    /// Returns the paths of the temporary file and of the target.
    pub(super) fn paths(&self) -> Option<(&Path, &Path)> {
        match self {
            Self::Staged(file, target, _) => Some((file.path(), target)),
            Self::Direct(_) | Self::Stdout(_) => None,
        }
    }

    fn stage(
        target: &Path,
        existing: Option<&Metadata>,
        name: &Arc<str>,
        run: Option<&str>,
        staging: Option<&StagingDir<'_>>,
    ) -> Result<Self, SinkError> {
        let (synced, writeback) = (staging.and_then(|it| it.synced), staging.map(|it| it.writeback.file()));
        // A resumed run may publish the file from another working directory, so the path is made absolute.
        let place = if run.is_some() { std::path::absolute(target) } else { Ok(target.to_owned()) };
        let place = place.map_err(|source| SinkError::io(name, "resolve the path of this output", source))?;
        let folder = match place.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let part = run.map(|run| folder.join(part_name(target, run)));
        let file = match (synced, &part) {
            (Some(synced), Some(part)) => {
                let file = reopen_part(part, synced.length)
                    .map_err(|source| SinkError::io(name, "resume this output", source))?;
                return Ok(Self::Staged(file, place, writeback));
            }
            (_, Some(part)) => create_part(part),
            _ => tempfile::Builder::new().prefix(&temporary_prefix(target)).make_in(folder, create),
        };
        let file = file.map_err(|source| {
            let folder = match target.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder.to_string_lossy().into_owned(),
                _ => ".".into(),
            };
            SinkError::new(name, SinkErrorKind::Folder { folder, source })
        })?;
        if let Some(existing) = existing {
            file.as_file()
                .set_permissions(existing.permissions())
                .map_err(|source| SinkError::io(name, "set the permissions of the new file for this output", source))?;
        }
        Ok(Self::Staged(file, place, writeback))
    }

    /// Retains the temporary file when it is dropped.
    pub(super) fn disable_cleanup(&mut self) {
        if let Self::Staged(file, ..) = self {
            file.disable_cleanup(true);
        }
    }

    /// Returns when all written bytes are on disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        match self {
            Self::Staged(file, _, Some(writeback)) => writeback.sync(file.as_file()),
            Self::Staged(file, _, None) => file.as_file().sync_all(),
            Self::Direct(_) | Self::Stdout(_) => Ok(()),
        }
    }

    /// Renames the temporary file to the target. Nothing is written afterwards.
    pub(super) fn publish(&mut self) -> io::Result<()> {
        if let Self::Staged(file, target, _) = self {
            fs::rename(file.path(), &target)?;
            file.disable_cleanup(true);
            sync_folder(target);
        }
        Ok(())
    }

    /// Copies the temporary file to the target. The temporary file is still needed to resume.
    pub(super) fn publish_copy(&mut self) -> io::Result<()> {
        if let Self::Staged(file, target, _) = self {
            let copy = copy_path(file.path());
            // One that an earlier process has left.
            let _ = fs::remove_file(&copy);
            let mut copied = not_followed().write(true).create_new(true).open(&copy)?;
            let mut part = not_followed().read(true).open(file.path())?;
            io::copy(&mut part, &mut copied)?;
            copied.set_permissions(part.metadata()?.permissions())?;
            copied.sync_all()?;
            fs::rename(copy, &target)?;
            sync_folder(target);
        }
        Ok(())
    }
}

/// Syncs the folder of a file, so that a new name reaches the disk. Errors are ignored: some file systems cannot do
/// this.
pub(crate) fn sync_folder(file: &Path) {
    if let Some(folder) = file.parent() {
        let _ = os::sync_folder(folder);
    }
}

/// Creates a temporary file with this name, which is removed when dropped.
fn create_part(part: &Path) -> io::Result<NamedTempFile> {
    Ok(NamedTempFile::from_parts(create(part)?, TempPath::try_from_path(part)?))
}

/// Creates a file with the permissions of any new file, which those of temporary files are not.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// Opens a retained temporary file and truncates it to a length. It is not removed when dropped.
fn reopen_part(part: &Path, length: u64) -> io::Result<NamedTempFile> {
    let mut options = not_followed();
    let mut file = match options.read(true).write(true).open(part) {
        // The file has the permissions of the output that it replaces, which may not allow writing.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let read_only = not_followed().read(true).open(part)?;
            let permissions = read_only.metadata()?.permissions();
            read_only.set_permissions(os::writable(&permissions))?;
            let file = options.open(part)?;
            file.set_permissions(permissions)?;
            file
        }
        file => file?,
    };
    let length_on_disk = file.metadata()?.len();
    if length_on_disk < length {
        let what = format!("it has {} bytes, but {} were written", grouped(length_on_disk), grouped(length));
        return Err(CorruptFile::new(part, what).into());
    }
    file.set_len(length)?;
    file.seek(SeekFrom::Start(length))?;
    let mut path = TempPath::try_from_path(part)?;
    path.disable_cleanup(true);
    Ok(NamedTempFile::from_parts(file, path))
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            // Not through `NamedTempFile`, whose errors would contain its path.
            Self::Staged(file, _, None) => file.as_file_mut().write(bytes),
            Self::Staged(file, _, Some(writeback)) => {
                let file = file.as_file_mut();
                let written = file.write(&bytes[..bytes.len().min(MAX_WRITE)])?;
                writeback.written(file, written)?;
                Ok(written)
            }
            Self::Direct(file) => file.write(bytes),
            Self::Stdout(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Staged(file, ..) => file.flush(),
            Self::Direct(file) => file.flush(),
            Self::Stdout(stdout) => stdout.flush(),
        }
    }
}

/// Returns the path of the temporary file of a run for an output; `None` if the output is written directly.
pub(crate) fn part_path(location: &SinkLocation, run: &str) -> Option<PathBuf> {
    let SinkLocation::Path(path) = location else { return None };
    let is_regular = fs::metadata(path).map_or(true, |existing| existing.is_file());
    let place = std::path::absolute(resolve_links(path).ok()?).ok()?;
    is_regular.then(|| place.with_file_name(part_name(&place, run)))
}

/// Returns the path of a copy of a retained temporary file, until the copy is renamed to the target.
pub(crate) fn copy_path(part: &Path) -> PathBuf {
    let mut path = part.as_os_str().to_owned();
    path.push(".copy");
    path.into()
}

/// Returns the name of the temporary file of a run.
fn part_name(target: &Path, run: &str) -> OsString {
    let mut name = prefix(target);
    name.push(format!(".{run}.part"));
    name
}

/// Returns the path of the lock of an output.
pub(crate) fn lock_path(target: &Path) -> PathBuf {
    let mut name = prefix(target);
    name.push(LOCK_ENDING);
    target.with_file_name(name)
}

/// Returns whether a path is that of the lock of an output.
pub(crate) fn is_lock_path(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b".") && name.ends_with(LOCK_ENDING.as_bytes())
}

/// Returns the start of the name of a temporary file that is not kept.
fn temporary_prefix(target: &Path) -> OsString {
    let mut name = prefix(target);
    name.push(".");
    name
}

/// Returns the start of the name of a temporary file or a lock: hidden, and recognisable.
fn prefix(target: &Path) -> OsString {
    let name = target.file_name().unwrap_or_default();
    let mut prefix = OsString::from(".");
    if name.len() <= MAX_NAME_BYTES {
        prefix.push(name);
        return prefix;
    }
    let shown = name.to_string_lossy();
    let end = shown.floor_char_boundary(MAX_NAME_BYTES);
    // Another target may have the same first bytes, so a checksum of the complete name is added.
    prefix.push(format!("{}~{:08x}", &shown[..end], crc32fast::hash(name.as_encoded_bytes())));
    prefix
}

/// Follows symbolic links to a path, which need not exist.
pub(crate) fn resolve_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                let to = fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("")).join(to);
            }
            _ => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links, one to another"))
}
