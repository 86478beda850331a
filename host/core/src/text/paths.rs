//! Paths as text in JSON for programs. JSON is UTF-8, so invalid UTF-8 in a path is replaced.

use std::path::{Path, PathBuf};

use serde::Serializer;

/// Serializes a path as text.
pub(crate) fn path_as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Serializes paths as a list of texts.
pub(crate) fn paths_as_text<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

/// Serializes a path as text, or null without a path.
#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
pub(crate) fn optional_path_as_text<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => path_as_text(path, serializer),
        None => serializer.serialize_none(),
    }
}
