//! Components of Python steps in the user's cache folder, by the digest of all that they are made from.
//!
//! An interpreter that starts takes random numbers, so componentize-py makes another component each time. As the first one is
//! stored, all builds of a source on a machine give the same bytes, in any folder, and the later ones compile nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::build::component_file::ComponentFile;
use crate::build::{BuildError, user_folders};

/// Components are stored until they were not used for this many others. Each has 17 MB or more.
const MAX_COMPONENTS: usize = 32;

/// The stored components.
const FILE: ComponentFile = ComponentFile::new(*b"stillpy");

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
        FILE.read(&self.path(digest))
    }

    /// Stores a component. Returns that of another build if one was first. A component that cannot be stored is compiled again next time.
    pub(super) fn store(&self, digest: &str, component: &[u8]) -> Option<Vec<u8>> {
        let path = self.path(digest);
        let stored = Self::write(&path, component).and_then(|is_first| {
            if is_first {
                return self.remove_old().map(|()| None);
            }
            let first = self.component(digest);
            if first.is_none() {
                // It was damaged.
                fs::remove_file(&path)?;
                Self::write(&path, component)?;
            }
            Ok(first)
        });
        stored.unwrap_or_else(|error| {
            tracing::debug!("{}: {error}", path.display());
            None
        })
    }

    /// Writes a new file. Returns whether there was none.
    fn write(path: &Path, component: &[u8]) -> io::Result<bool> {
        match FILE.write(path, component)?.persist_noclobber(path) {
            Ok(_) => Ok(true),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        }
    }

    /// Removes the components that were not used for longest.
    fn remove_old(&self) -> io::Result<()> {
        let mut stored = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            // Another build may have removed it.
            if path.extension().is_some_and(|ending| ending == "wasm")
                && let Ok(used) = fs::metadata(&path).and_then(|file| file.modified())
            {
                stored.push((used, path));
            }
        }
        stored.sort();
        let surplus = stored.len().saturating_sub(MAX_COMPONENTS);
        stored.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{}.wasm", digest.trim_start_matches("sha256:")))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn the_components_that_were_not_used_for_longest_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = ComponentStore { folder: folder.path().to_owned() };
        let component = wasm_encoder::Component::new().finish();
        let digest = |index: usize| format!("{index:064x}");
        for index in 0..=MAX_COMPONENTS {
            assert_eq!(store.store(&digest(index), &component), None);
            // The first ones are the oldest.
            let file = File::options().write(true).open(store.path(&digest(index))).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(1000 - index as u64)).unwrap();
        }
        assert_eq!(store.component(&digest(0)), None);
        assert_eq!(store.component(&digest(1)), Some(component.clone()));
        assert_eq!(store.component(&digest(MAX_COMPONENTS)), Some(component));
    }

    #[test]
    fn the_first_of_two_builds_wins_unless_its_component_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let store = ComponentStore { folder: folder.path().to_owned() };
        let component = |name: &str| {
            let mut component = wasm_encoder::Component::new();
            component.section(&wasm_encoder::CustomSection { name: name.into(), data: (&[1, 2, 3]).into() });
            component.finish()
        };
        let (first, second) = (component("first"), component("second"));
        assert_eq!(store.store("a", &first), None);
        assert_eq!(store.store("a", &second), Some(first.clone()));
        // A byte of the last section, which ends where it ended before.
        let mut damaged = fs::read(store.path("a")).unwrap();
        *damaged.last_mut().unwrap() ^= 1;
        fs::write(store.path("a"), damaged).unwrap();
        assert_eq!(store.component("a"), None);
        assert_eq!(store.store("a", &second), None);
        assert_eq!(store.component("a"), Some(second));
    }
}
