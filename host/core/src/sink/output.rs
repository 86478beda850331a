//! The file that is written: aside first, and in its place at the end.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::{NamedTempFile, TempPath};

use super::SinkLocation;
use super::error::{SinkError, SinkErrorKind};
use super::synced::SyncedLength;
use crate::corrupt::CorruptFile;
use crate::text::grouped;

/// Permissions of a new file, from which the umask takes away.
const NEW_FILE_MODE: u32 = 0o666;

/// That the owner may write.
const OWNER_WRITES: u32 = 0o200;

/// Links to links that are followed at most: as many as Linux follows.
const MAX_LINKS: usize = 40;

/// Bytes of the target's name that the temporary one takes over; together they must stay below 255.
const MAX_NAME_BYTES: usize = 190;

/// What is written to. Dropped without [`OutputFile::place`], a file leaves no trace, unless it is kept.
#[derive(Debug)]
pub(super) enum OutputFile {
    /// A new file in the folder of the target, which takes the target's place at the end.
    Staged(NamedTempFile, PathBuf),
    /// A device or a pipe, which is written as it goes.
    Direct(File),
    /// Standard output.
    Stdout(io::Stdout),
}

impl OutputFile {
    /// Opens the output. A file that is there stays as it is until the end. `synced`: of a run that goes on, how much of
    /// its file is known to be on the disk.
    pub(super) fn open(
        location: &SinkLocation,
        name: &Arc<str>,
        run: Option<&str>,
        synced: Option<&SyncedLength>,
    ) -> Result<Self, SinkError> {
        let path = match location {
            SinkLocation::Stdout => return Ok(Self::Stdout(io::stdout())),
            SinkLocation::Path(path) => path,
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
            existing => Self::stage(&resolve_links(path).map_err(failed)?, existing.as_ref(), name, run, synced),
        }
    }

    /// The file that is written, if it is not in its place yet.
    pub(super) fn partial(&self) -> Option<&Path> {
        match self {
            Self::Staged(file, _) => Some(file.path()),
            Self::Direct(_) | Self::Stdout(_) => None,
        }
    }

    /// Where the file is, and where it belongs.
    pub(super) fn paths(&self) -> Option<(&Path, &Path)> {
        match self {
            Self::Staged(file, target) => Some((file.path(), target)),
            Self::Direct(_) | Self::Stdout(_) => None,
        }
    }

    fn stage(
        target: &Path,
        existing: Option<&Metadata>,
        name: &Arc<str>,
        run: Option<&str>,
        synced: Option<&SyncedLength>,
    ) -> Result<Self, SinkError> {
        // Whoever puts it in its place may be in another folder.
        let place = if run.is_some() { std::path::absolute(target) } else { Ok(target.to_owned()) };
        let place = place.map_err(|source| SinkError::io(name, "find the place of this output", source))?;
        let folder = match place.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let part = run.map(|run| folder.join(part_name(target, run)));
        let file = match (synced, &part) {
            (Some(synced), Some(part)) => {
                let file = reopen_part(part, synced.length)
                    .map_err(|source| SinkError::io(name, "go on with what is written of this output", source))?;
                return Ok(Self::Staged(file, place));
            }
            (_, Some(part)) => create_part(part),
            _ => tempfile::Builder::new()
                .prefix(&prefix(target))
                .permissions(Permissions::from_mode(NEW_FILE_MODE))
                .tempfile_in(folder),
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
                .map_err(|source| SinkError::io(name, "give the new file the permissions of this output", source))?;
        }
        Ok(Self::Staged(file, place))
    }

    /// Has the file stay whatever happens.
    pub(super) fn disable_cleanup(&mut self) {
        if let Self::Staged(file, _) = self {
            file.disable_cleanup(true);
        }
    }

    /// Returns when all that was written is on the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        match self {
            Self::Staged(file, _) => file.as_file().sync_all(),
            Self::Direct(_) | Self::Stdout(_) => Ok(()),
        }
    }

    /// Puts the file in its place. Nothing is written afterwards.
    pub(super) fn publish(&mut self) -> io::Result<()> {
        if let Self::Staged(file, target) = self {
            fs::rename(file.path(), &target)?;
            file.disable_cleanup(true);
            sync_folder(target);
        }
        Ok(())
    }

    /// Puts a copy of the file in its place, since this one is still needed.
    pub(super) fn publish_copy(&mut self) -> io::Result<()> {
        if let Self::Staged(file, target) = self {
            let copy = copy_path(file.path());
            fs::copy(file.path(), &copy)?;
            File::open(&copy)?.sync_all()?;
            fs::rename(copy, &target)?;
            sync_folder(target);
        }
        Ok(())
    }
}

/// The new name has to reach the disk, too; not every file system knows how to say when it has.
pub(crate) fn sync_folder(file: &Path) {
    if let Some(folder) = file.parent().and_then(|folder| File::open(folder).ok()) {
        drop(folder.sync_all());
    }
}

/// A new file of this name, which is removed when it is dropped.
fn create_part(part: &Path) -> io::Result<NamedTempFile> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(NEW_FILE_MODE).open(part)?;
    Ok(NamedTempFile::from_parts(file, TempPath::try_from_path(part)?))
}

/// The file of this name, cut to so many bytes, and not removed.
fn reopen_part(part: &Path, length: u64) -> io::Result<NamedTempFile> {
    let mut options = OpenOptions::new();
    let mut file = match options.read(true).write(true).open(part) {
        // It has the permissions of the output that it replaces.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let permissions = fs::metadata(part)?.permissions();
            fs::set_permissions(part, Permissions::from_mode(permissions.mode() | OWNER_WRITES))?;
            let file = options.open(part)?;
            file.set_permissions(permissions)?;
            file
        }
        file => file?,
    };
    let existing = file.metadata()?.len();
    if existing < length {
        let what = format!("it has {} bytes, and {} were written", grouped(existing), grouped(length));
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
            // Not through the temporary file itself, whose errors would tell its name.
            Self::Staged(file, _) => file.as_file_mut().write(bytes),
            Self::Direct(file) => file.write(bytes),
            Self::Stdout(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Staged(file, _) => file.flush(),
            Self::Direct(file) => file.flush(),
            Self::Stdout(stdout) => stdout.flush(),
        }
    }
}

/// The file that a run with this id writes in place of an output until it is finished; none where it is written as it goes.
pub(crate) fn part_path(location: &SinkLocation, run: &str) -> Option<PathBuf> {
    let SinkLocation::Path(path) = location else { return None };
    let is_regular = fs::metadata(path).map_or(true, |existing| existing.is_file());
    let place = std::path::absolute(resolve_links(path).ok()?).ok()?;
    is_regular.then(|| place.with_file_name(part_name(&place, run)))
}

/// The file that is made of one that stays, for the time until it is whole.
pub(crate) fn copy_path(part: &Path) -> PathBuf {
    let mut path = part.as_os_str().to_owned();
    path.push(".copy");
    path.into()
}

/// The name under which a run finds its file again.
fn part_name(target: &Path, run: &str) -> OsString {
    let mut name = prefix(target);
    name.push(format!("{run}.part"));
    name
}

/// How the temporary file's name starts: hidden, and recognisable.
fn prefix(target: &Path) -> OsString {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let mut end = name.len().min(MAX_NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    if end == name.len() {
        return format!(".{name}.").into();
    }
    // Others may begin with the same.
    format!(".{}~{:08x}.", &name[..end], crc32fast::hash(name.as_bytes())).into()
}

/// The path behind symbolic links, whether there is a file or not.
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
