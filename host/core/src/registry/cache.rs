//! The cache of downloads: files named by their digests.
//!
//! The digest is the key and the checksum: a file with other bytes counts as a miss, and is downloaded again. Files are written to
//! temporary names and renamed, so several processes can share a cache.

use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use crate::os;
use crate::private_dir::{check_private, create_temporary, make_private, note_use, open_private};
use crate::reference::Digest;

/// A directory with downloads, or no cache.
#[derive(Debug, Clone, Default)]
pub(crate) struct DownloadCache {
    directory: Option<PathBuf>,
}

/// The kinds of files in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CacheFile {
    Component,
    Manifest,
}

impl CacheFile {
    fn extension(self) -> &'static str {
        match self {
            Self::Component => "wasm",
            Self::Manifest => "json",
        }
    }
}

impl DownloadCache {
    /// A cache in this directory. It is created for the first file.
    pub(crate) fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: Some(directory.into()) }
    }

    /// Returns the directory.
    pub(super) fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Returns a file with its path, or `None` on a miss.
    pub(super) fn get(&self, kind: CacheFile, digest: &Digest, max_bytes: u64) -> Option<(PathBuf, Vec<u8>)> {
        let directory = self.directory.as_deref()?;
        let path = path(directory, kind, digest);
        let mut file = open_private(&path)?;
        if let Err(error) = check_private(directory) {
            tracing::debug!("{}: {error}; the downloads in it are not used", directory.display());
            return None;
        }
        let mut bytes = Vec::new();
        Read::take(&mut file, max_bytes + 1).read_to_end(&mut bytes).ok()?;
        if bytes.len() as u64 > max_bytes || Digest::compute(&bytes) != *digest {
            tracing::debug!("{}: it has another digest, downloading it again", path.display());
            return None;
        }
        note_use(&file, &path);
        Some((path, bytes))
    }

    /// Writes a file, and returns its path. `None` without a directory.
    ///
    /// # Errors
    /// The directory is not private to this user, or cannot be written to.
    pub(super) fn put(&self, kind: CacheFile, digest: &Digest, bytes: &[u8]) -> io::Result<Option<PathBuf>> {
        let Some(directory) = self.directory.as_deref() else { return Ok(None) };
        make_private(directory)?;
        check_private(directory)?;
        let path = path(directory, kind, digest);
        let mut file = create_temporary(&path)?;
        file.write_all(bytes)?;
        os::persist(file, &path)?;
        Ok(Some(path))
    }
}

fn path(directory: &Path, kind: CacheFile, digest: &Digest) -> PathBuf {
    directory.join(format!("{}.{}", digest.digits(), kind.extension()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_download_that_has_changed_or_belongs_to_others_is_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("downloads");
        let cache = DownloadCache::at(&directory);
        let digest = Digest::compute(b"component");
        let get = || cache.get(CacheFile::Component, &digest, 9).map(|(_, bytes)| bytes);
        assert_eq!(get(), None);
        let path = cache.put(CacheFile::Component, &digest, b"component").unwrap().unwrap();
        assert_eq!(get().as_deref(), Some(&b"component"[..]));
        assert_eq!(cache.get(CacheFile::Component, &digest, 8), None, "it is too large");
        assert_eq!(cache.get(CacheFile::Manifest, &digest, 9), None, "it is of another kind");

        fs::write(&path, "Component").unwrap();
        assert_eq!(get(), None, "it was changed");
        cache.put(CacheFile::Component, &digest, b"component").unwrap();
        assert!(get().is_some(), "it was written again");

        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert_eq!(get(), None, "others can write to it");
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        fs::set_permissions(&elsewhere, Permissions::from_mode(0o600)).unwrap();
        symlink(&elsewhere, &path).unwrap();
        assert_eq!(get(), None, "it is a link");
        fs::rename(&elsewhere, &path).unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(0o777)).unwrap();
        assert_eq!(get(), None, "others can write to the directory");
        assert!(cache.put(CacheFile::Component, &digest, b"component").is_err());
    }
}
