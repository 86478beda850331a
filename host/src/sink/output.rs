//! The file that is written: aside first, and in its place at the end.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

use super::SinkLocation;
use super::error::{SinkError, SinkErrorKind};

/// Permissions of a new file, from which the umask takes away.
const NEW_FILE_MODE: u32 = 0o666;

/// Links to links that are followed at most: as many as Linux follows.
const LINKS: usize = 40;

/// Bytes of the target's name that the temporary one takes over; together they must stay below 255.
const NAME_BYTES: usize = 200;

/// What is written to. Dropped without [`Output::finish`], a file leaves no trace.
#[derive(Debug)]
pub(super) enum Output {
    /// A new file in the folder of the target, which takes the target's place at the end.
    Aside(NamedTempFile, PathBuf),
    /// A device or a pipe, which is written as it goes.
    Direct(File),
    /// Standard output.
    Stdout(io::Stdout),
}

impl Output {
    /// Opens the output. A file that is there stays as it is until the end.
    pub(super) fn open(location: &SinkLocation, name: &Arc<str>) -> Result<Self, SinkError> {
        let path = match location {
            SinkLocation::Stdout => return Ok(Self::Stdout(io::stdout())),
            SinkLocation::Path(path) => path,
        };
        let failed = |source| SinkError::io(name, "open this output", source);
        let there = match fs::metadata(path) {
            Ok(there) => Some(there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        match there {
            Some(there) if there.is_dir() => Err(SinkError::new(name, SinkErrorKind::Directory)),
            Some(there) if !there.is_file() => {
                Ok(Self::Direct(OpenOptions::new().write(true).open(path).map_err(failed)?))
            }
            there => Self::aside(followed(path).map_err(failed)?, there.as_ref(), name),
        }
    }

    /// The file that is written, if it is not in its place yet.
    pub(super) fn unfinished(&self) -> Option<&Path> {
        match self {
            Self::Aside(file, _) => Some(file.path()),
            Self::Direct(_) | Self::Stdout(_) => None,
        }
    }

    fn aside(target: PathBuf, there: Option<&Metadata>, name: &Arc<str>) -> Result<Self, SinkError> {
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(&prefix(&target))
            .permissions(Permissions::from_mode(NEW_FILE_MODE))
            .tempfile_in(folder)
            .map_err(|source| {
                SinkError::new(name, SinkErrorKind::Folder { folder: folder.to_string_lossy().into_owned(), source })
            })?;
        if let Some(there) = there {
            file.as_file()
                .set_permissions(there.permissions())
                .map_err(|source| SinkError::io(name, "give the new file the permissions of this output", source))?;
        }
        Ok(Self::Aside(file, target))
    }

    /// Puts the file in its place, once its bytes are on the disk. Nothing is written afterwards.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.flush()?;
        if let Self::Aside(file, target) = self {
            file.as_file().sync_all()?;
            fs::rename(file.path(), &target)?;
            file.disable_cleanup(true);
            // The new name has to reach the disk, too; not every file system knows how to say when it has.
            if let Some(folder) = target.parent().and_then(|folder| File::open(folder).ok()) {
                drop(folder.sync_all());
            }
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            // Not through the temporary file itself, whose errors would tell its name.
            Self::Aside(file, _) => file.as_file_mut().write(bytes),
            Self::Direct(file) => file.write(bytes),
            Self::Stdout(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Aside(file, _) => file.flush(),
            Self::Direct(file) => file.flush(),
            Self::Stdout(stdout) => stdout.flush(),
        }
    }
}

/// How the temporary file's name starts: hidden, and recognisable.
fn prefix(target: &Path) -> OsString {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let mut end = name.len().min(NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!(".{}.", &name[..end]).into()
}

/// The path behind symbolic links, whether there is a file or not.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..LINKS {
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
