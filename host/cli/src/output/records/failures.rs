//! The file of failures.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::os::stream_at;

/// The file of failures. It replaces an earlier file, so it is created only after a check that the pipeline does not use
/// the earlier file.
pub(super) enum Failures {
    Unwanted,
    NotMade(PathBuf),
    Open(PathBuf, File),
    /// The first write error. Nothing is written after it, because the file would have gaps.
    Lost(String),
}

/// Whether the existing lines of a file are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Earlier {
    Replaced,
    Kept,
}

impl Failures {
    /// Creates the file if it has not been created yet, and removes its existing lines.
    pub(super) fn make(&mut self) {
        self.begin(Earlier::Replaced);
    }

    /// Creates the file if it has not been created yet, and appends to its existing lines, which an earlier run or one
    /// that is still running has written.
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

/// Opens a file for appending, so that several processes can write to it.
fn open(path: &Path, earlier: Earlier) -> io::Result<File> {
    // A file that the shell has redirected output to is written at the shell's position; the shell has truncated it.
    if let Some(stream) = stream_at(path, &io::stdout()).or_else(|| stream_at(path, &io::stderr())) {
        return Ok(stream);
    }
    let file = File::options().create(true).append(true).open(path)?;
    if earlier == Earlier::Replaced && file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

/// Returns whether a path leads to the file or pipe of standard output.
pub(crate) fn is_stdout(path: &Path) -> bool {
    stream_at(path, &io::stdout()).is_some()
}

/// Checks that a file can be written at a path. Opens an existing file without changing it; for a new file, checks that
/// its folder exists. Does not open a pipe, because that may block until there is a reader.
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
