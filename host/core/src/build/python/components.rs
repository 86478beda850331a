//! Components of Python steps in the user's cache folder, by the digest of all that they are made from.
//!
//! An interpreter that starts takes random numbers, so componentize-py makes another component each time. As the first one is
//! stored, all builds of a source on a machine give the same bytes, in any folder, and the later ones compile nothing.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use wasmparser::{Parser, Payload};

use crate::build::{BuildError, user_folders};
use crate::private_dir::{create_temporary, make_private, note_use, open_private};
use crate::result_cache::prune_cache;

/// The least recently used components are removed when all together are larger.
const MAX_BYTES: u64 = 1 << 30;

/// The folder of components.
pub(super) struct ComponentStore {
    folder: PathBuf,
}

impl ComponentStore {
    pub(super) fn open() -> Result<Self, BuildError> {
        Ok(Self { folder: user_folders::cache()?.join("python-components") })
    }

    /// Returns the component with this digest.
    pub(super) fn component(&self, digest: &str) -> Option<Vec<u8>> {
        let path = self.path(digest);
        let mut file = open_private(&path)?;
        let mut component = Vec::new();
        file.read_to_end(&mut component).ok()?;
        if !is_whole(&component) {
            return None;
        }
        note_use(&file, &path);
        Some(component)
    }

    /// Stores a component. Returns it, or that of another build which was first.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn store(&self, digest: &str, component: Vec<u8>) -> Result<Vec<u8>, BuildError> {
        let path = self.path(digest);
        let write = || -> io::Result<bool> {
            make_private(&self.folder)?;
            let mut file = create_temporary(&path)?;
            file.write_all(&component)?;
            file.as_file().sync_all()?;
            match file.persist_noclobber(&path) {
                Ok(_) => Ok(true),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error.error),
            }
        };
        let unwritable = |source| BuildError::Output { path: path.clone(), source };
        if !write().map_err(unwritable)? {
            if let Some(first) = self.component(digest) {
                return Ok(first);
            }
            // It is not whole.
            fs::remove_file(&path).and_then(|()| write()).map_err(unwritable)?;
        }
        if let Err(error) = prune_cache(&[&self.folder], Duration::MAX, Some(MAX_BYTES)) {
            tracing::debug!("{}: cannot remove old components: {error}", self.folder.display());
        }
        Ok(component)
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{}.wasm", digest.trim_start_matches("sha256:")))
    }
}

/// Returns whether a component ends where its last section ends. It may not if the computer lost power.
fn is_whole(component: &[u8]) -> bool {
    matches!(Parser::new(0).parse_all(component).last(), Some(Ok(Payload::End(_))))
}
