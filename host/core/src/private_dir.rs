//! Directories that only this user can write to, for the caches: compiled components and step results.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Prefix of the names of entries that are being written.
pub(crate) const TEMPORARY_PREFIX: &str = ".stillbox-";

/// Minimum time between two updates of an entry's time of last use. Updating it on every use would cost a system call
/// for each batch.
const USE_NOTED_EVERY: Duration = Duration::from_hours(1);

/// Creates a directory, and its parents, that only this user has access to.
pub(crate) fn make_private(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Returns whether the directory belongs to this user and other users cannot write to it.
pub(crate) fn is_private(directory: &Path) -> bool {
    fs::metadata(directory)
        .is_ok_and(|metadata| metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0)
}

/// Creates a temporary file in the folder of `path`, to be renamed to it.
pub(crate) fn create_temporary(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_private(folder)?;
    tempfile::Builder::new().prefix(TEMPORARY_PREFIX).permissions(Permissions::from_mode(0o600)).tempfile_in(folder)
}

/// Updates an entry's time of last use, which `cache prune` goes by.
pub(crate) fn note_use(path: &Path) {
    let now = SystemTime::now();
    let noted = File::open(path).and_then(|file| {
        let last = file.metadata()?.modified()?;
        let is_old = now.duration_since(last).unwrap_or_default() > USE_NOTED_EVERY;
        if is_old { file.set_modified(now) } else { Ok(()) }
    });
    if let Err(error) = noted {
        tracing::debug!("{}: cannot update its time of last use: {error}", path.display());
    }
}
