//! Folders of a step: those that it reads, and those that it writes to, which are moved into place when the run is done.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tempfile::TempDir;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use crate::cleanup::{CleanupRegistry, Entry};
use crate::grants::{DirGrant, GrantError};
use crate::os;

/// A folder of a step.
pub(super) struct GrantedFolder {
    at: String,
    perms: FsPerms,
    path: PathBuf,
    /// Holds the folder, so that instances see the same one when its path is changed. `None` for one that is written to.
    held: Option<File>,
}

impl GrantedFolder {
    /// Opens a folder for reading.
    ///
    /// # Errors
    /// It is not a folder, or cannot be opened.
    pub(super) fn read(grant: &DirGrant) -> Result<Self, GrantError> {
        let error = |source| GrantError::Dir { path: grant.path().to_owned(), source };
        let held = os::open_folder(grant.path()).map_err(error)?;
        if !held.metadata().map_err(error)?.is_dir() {
            return Err(error(io::ErrorKind::NotADirectory.into()));
        }
        let path = grant.path().to_owned();
        Ok(Self { at: grant.guest_path().to_owned(), perms: FsPerms::ReadOnly, path, held: Some(held) })
    }

    /// A folder in which files are staged.
    pub(super) fn write(grant: &DirGrant, staged: &Path) -> Self {
        let (at, path) = (grant.guest_path().to_owned(), staged.to_owned());
        Self { at, perms: FsPerms::ReadWrite, path, held: None }
    }

    /// Adds the folder to those that an instance sees.
    pub(super) fn open(&self, context: &mut WasiCtxBuilder) {
        let path = self.held.as_ref().and_then(os::path_of_open).unwrap_or_else(|| self.path.clone());
        if let Err(error) = context.preopened_dir(&path, &self.at, self.perms) {
            // The guest finds no folder then, and reports that.
            tracing::warn!("cannot open the folder {}: {error:#}", self.path.display());
        }
    }
}

/// The folders in which the steps of a run write their files. They are removed with it, unless they have been moved into place.
#[derive(Clone, Default)]
pub(crate) struct StagedFolders {
    cleanup: CleanupRegistry,
    all: Arc<Mutex<Vec<StagedFolder>>>,
}

struct StagedFolder {
    files: TempDir,
    target: PathBuf,
    /// Lists the folder until it is removed.
    _entry: Entry,
}

/// An error of moving a folder into place.
#[derive(Debug, thiserror::Error)]
#[error("the files that a step wrote for {} cannot be moved there", folder.display())]
pub(crate) struct Publishing {
    folder: PathBuf,
    source: io::Error,
}

impl StagedFolders {
    /// Removes all folders.
    pub(crate) fn clear(&self) {
        self.all.lock().clear();
    }

    /// Staged folders that are listed in this registry.
    pub(crate) fn new(cleanup: &CleanupRegistry) -> Self {
        Self { cleanup: cleanup.clone(), all: Arc::default() }
    }

    /// Creates an empty folder next to the granted one, so that its files can be moved by renaming.
    ///
    /// # Errors
    /// The folder that it would be in does not exist, or cannot be written to.
    pub(super) fn create(&self, grant: &DirGrant) -> Result<PathBuf, GrantError> {
        let error = |source| GrantError::Dir { path: grant.path().to_owned(), source };
        let target = std::path::absolute(grant.path()).map_err(error)?;
        if let Ok(metadata) = fs::symlink_metadata(&target)
            && !metadata.is_dir()
        {
            return Err(error(io::ErrorKind::NotADirectory.into()));
        }
        let parent = target.parent().ok_or_else(|| error(io::ErrorKind::InvalidInput.into()))?;
        let files = tempfile::Builder::new().prefix(".stillbox-").tempdir_in(parent).map_err(error)?;
        let path = files.path().to_owned();
        let entry = self.cleanup.add(&path);
        self.all.lock().push(StagedFolder { files, target, _entry: entry });
        Ok(path)
    }

    /// Moves all files into place. A file replaces one of the same name; other files stay.
    ///
    /// # Errors
    /// A file cannot be moved, or is not a plain file or folder.
    pub(crate) fn publish(&self) -> Result<(), Publishing> {
        for staged in std::mem::take(&mut *self.all.lock()) {
            let StagedFolder { files, target, .. } = staged;
            // Checked first, so that usually either all files are moved or none.
            let moved = check(files.path()).and_then(|()| merge(files.path(), &target));
            moved.map_err(|source| Publishing { folder: target, source })?;
        }
        Ok(())
    }
}

/// Fails if a folder contains something other than files and folders.
fn check(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            check(&entry.path())?;
        } else if !kind.is_file() {
            let reason = format!("{} is neither a file nor a folder", entry.file_name().display());
            return Err(io::Error::other(reason));
        }
    }
    Ok(())
}

/// Moves the content of a folder into another one, which is created if it does not exist.
fn merge(from: &Path, to: &Path) -> io::Result<()> {
    match fs::symlink_metadata(to) {
        Ok(metadata) if metadata.is_dir() => {}
        // A link could lead anywhere.
        Ok(_) => return Err(io::Error::other(format!("{} is not a folder", to.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(to)?,
        Err(error) => return Err(error),
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            merge(&entry.path(), &target)?;
        } else {
            os::sync_file(&entry.path())?;
            fs::rename(entry.path(), target)?;
        }
    }
    Ok(())
}
