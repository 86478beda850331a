//! Directories that only this user can write to: the caches of compiled components and step results, and the state of runs.
//!
//! Other users may have been able to write to such a directory before. So links in it are not followed, and its files count
//! only if they belong to this user.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::os;
pub(crate) use crate::os::{create_private as make_private, not_followed};

/// Prefix of the names of entries that are being written.
pub(crate) const TEMPORARY_PREFIX: &str = ".stillbox-";

/// Minimum time between two updates of an entry's time of last use. Updating it on every use would cost a system call
/// for each batch.
const USE_NOTED_EVERY: Duration = Duration::from_hours(1);

/// Checks that a directory belongs to this user and that other users cannot write to it.
///
/// # Errors
/// It does not, they can, or it cannot be read.
pub(crate) fn check_private(directory: &Path) -> io::Result<()> {
    os::check_private(&fs::metadata(directory)?)
}

/// Returns whether the directory belongs to this user and other users cannot write to it.
pub(crate) fn is_private(directory: &Path) -> bool {
    check_private(directory).is_ok()
}

/// Opens a file to read it. Returns `None` if it is a link, not a regular file, or of another user, or if other users can write
/// to it.
pub(crate) fn open_private(path: &Path) -> Option<File> {
    let file = not_followed().read(true).open(path).ok()?;
    let metadata = file.metadata().ok()?;
    (metadata.is_file() && os::check_private(&metadata).is_ok()).then_some(file)
}

/// Creates a temporary file in the folder of `path`, to be renamed to it.
pub(crate) fn create_temporary(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_private(folder)?;
    os::for_this_user(tempfile::Builder::new().prefix(TEMPORARY_PREFIX)).tempfile_in(folder)
}

/// The file in a folder that is an entry of a cache as a whole. It is written last, and modified when the entry is used.
pub(crate) const FOLDER_MARK: &str = "stillbox-used";

/// Returns the file next to a folder that is locked while the folder is used: by builds, and while it is removed.
pub(crate) fn lock_of_folder(folder: &Path) -> PathBuf {
    folder.with_added_extension("lock")
}

/// Updates the time of last use of an entry that is a folder, or makes a folder an entry.
pub(crate) fn note_use_of_folder(folder: &Path) {
    let mark = folder.join(FOLDER_MARK);
    match File::options().create(true).append(true).open(&mark) {
        Ok(file) => note_use(&file, &mark),
        Err(error) => tracing::debug!("{}: cannot note its use: {error}", mark.display()),
    }
}

/// Updates an entry's time of last use, which `cache prune` goes by.
pub(crate) fn note_use(file: &File, path: &Path) {
    let now = SystemTime::now();
    let note = || {
        let last = file.metadata()?.modified()?;
        let is_old = now.duration_since(last).unwrap_or_default() > USE_NOTED_EVERY;
        if is_old { os::set_modified(file, path, now) } else { Ok(()) }
    };
    if let Err(error) = note() {
        tracing::debug!("{}: cannot update its time of last use: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn links_and_files_that_others_can_write_are_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "a").unwrap();
        assert!(open_private(&path("file")).is_some());
        symlink(path("file"), path("link")).unwrap();
        assert!(open_private(&path("link")).is_none() && not_followed().write(true).open(path("link")).is_err());
        fs::set_permissions(path("file"), Permissions::from_mode(0o620)).unwrap();
        assert!(open_private(&path("file")).is_none());
        assert!(open_private(folder.path()).is_none(), "a folder");
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_not_private() {
        let folder = tempfile::tempdir().unwrap();
        check_private(folder.path()).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o770)).unwrap();
        let error = check_private(folder.path()).unwrap_err().to_string();
        assert_eq!(error, "other users can write to it; remove their access with `chmod go-w`");
    }
}
