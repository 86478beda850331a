//! Paths in the state of runs, which is JSON.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::os::{Unit, from_units, units, units_of};

/// A path that is stored without loss: as text if it is UTF-8, and as a list of its units otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredPath(PathBuf);

/// The two forms of a path.
#[derive(Deserialize)]
#[serde(untagged)]
enum PathForm {
    Text(String),
    Units(Vec<Unit>),
}

impl StoredPath {
    /// Returns whether the path ends with this text, which may be a part of its last name.
    pub(super) fn ends_with(&self, text: &str) -> bool {
        units(self.0.as_os_str()).ends_with(&units_of(text))
    }

    /// Returns the path with another text at its end, or `None` if it does not end with `before`.
    pub(super) fn with_ending(&self, before: &str, after: &str) -> Option<Self> {
        let units = units(self.0.as_os_str());
        let stem = units.strip_suffix(&*units_of(before))?;
        Some(Self(from_units([stem, &units_of(after)].concat()).into()))
    }

    pub(crate) fn into_path(self) -> PathBuf {
        self.0
    }
}

impl From<PathBuf> for StoredPath {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Deref for StoredPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Serialize for StoredPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Some(text) => text.serialize(serializer),
            None => units(self.0.as_os_str()).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for StoredPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match PathForm::deserialize(deserializer)? {
            PathForm::Text(text) => text.into(),
            PathForm::Units(units) => from_units(units).into(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

    use super::*;

    #[test]
    fn paths_of_any_bytes_survive_encoding() {
        for bytes in ["a/é".as_bytes(), b"a/\xff\n"] {
            let path = StoredPath(OsString::from_vec(bytes.to_vec()).into());
            let json = serde_json::to_string(&path).unwrap();
            assert_eq!(serde_json::from_str::<StoredPath>(&json).unwrap(), path, "{json}");
        }
        assert_eq!(serde_json::to_string(&StoredPath("a".into())).unwrap(), "\"a\"");
    }

    #[test]
    fn the_ending_of_a_path_is_replaced() {
        let path = StoredPath(OsString::from_vec(b"\xff.1.part".to_vec()).into());
        let other = path.with_ending(".1.part", ".2.part").unwrap();
        assert!(other.ends_with(".2.part") && other.0.as_os_str().as_bytes().starts_with(b"\xff"));
        assert_eq!(path.with_ending(".3.part", ""), None);
    }
}
