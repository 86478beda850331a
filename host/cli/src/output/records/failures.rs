//! The file that failures are written to.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// The file of failures. It replaces an earlier one, so it is not made before it is known that the pipeline leaves that
/// alone.
pub(super) enum Failures {
    Unwanted,
    NotMade(PathBuf),
    Open(PathBuf, File),
    /// The first error. A disk that was full once would leave gaps, so nothing more is written.
    Lost(String),
}

/// What becomes of the lines that a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Earlier {
    Replaced,
    Kept,
}

impl Failures {
    /// Makes the file, if that has not been done.
    pub(super) fn make(&mut self) {
        self.begin(Earlier::Replaced);
    }

    /// The same where what an earlier run has told, or one that is going on, stays.
    pub(super) fn keep(&mut self) {
        self.begin(Earlier::Kept);
    }

    pub(super) fn write(&mut self, line: &str) {
        self.make();
        if let Self::Open(path, file) = self
            && let Err(error) = file.write_all(line.as_bytes())
        {
            *self = Self::lost(path, &error);
        }
    }

    fn begin(&mut self, earlier: Earlier) {
        if let Self::NotMade(path) = self {
            let path = std::mem::take(path);
            *self = match open(&path, earlier) {
                Ok(file) => Self::Open(path, file),
                Err(error) => Self::lost(&path, &error),
            };
        }
    }

    fn lost(path: &Path, error: &io::Error) -> Self {
        let error = format!("cannot write to {}: {error}", path.display());
        tracing::warn!("failures are not recorded any more: {error}");
        Self::Lost(error)
    }
}

/// A file that lines are added to, whoever else writes to it.
fn open(path: &Path, earlier: Earlier) -> io::Result<File> {
    // What the shell has opened is written where the shell's commands are in it, and was emptied by the shell.
    if let Some(stream) = same(path, &io::stdout()).or_else(|| same(path, &io::stderr())) {
        return Ok(stream);
    }
    let file = File::options().create(true).append(true).open(path)?;
    if earlier == Earlier::Replaced && file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

/// Whether a path leads to the file or pipe that standard output goes to.
pub(crate) fn is_stdout(path: &Path) -> bool {
    same(path, &io::stdout()).is_some()
}

/// A stream of this process, if a path leads to its file or pipe. Two may write to one terminal, or to `/dev/null`.
fn same(path: &Path, stream: &impl AsFd) -> Option<File> {
    let there = fs::metadata(path).ok().filter(|there| there.is_file() || there.file_type().is_fifo())?;
    let stream = File::from(stream.as_fd().try_clone_to_owned().ok()?);
    let found = stream.metadata().ok()?;
    ((found.dev(), found.ino()) == (there.dev(), there.ino())).then_some(stream)
}

/// Whether a file can be written at a path: one that is there is opened and left as it is, for a new one there has to be
/// a folder. A pipe is not opened, since that might wait for its reader.
pub(crate) fn could_be_made(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(there) if there.is_file() || there.is_dir() => File::options().write(true).open(path).map(drop),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            fs::metadata(folder).map(drop)
        }
        Err(error) => Err(error),
    }
}
