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

/// Returns a name of a folder for messages: its path as given, without slashes at its end, or its own name if the path has none, such as
/// `.` and `..`.
pub fn folder_name(folder: &Path) -> String {
    let real = if folder.file_name().is_none() { dunce::canonicalize(folder).ok() } else { None };
    let name = real.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    // Without slashes and dots at the end.
    name.unwrap_or_else(|| folder.components().as_path().display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_its_own_name_if_its_path_has_none() {
        let around = tempfile::tempdir().expect("there is room");
        let folder = around.path().join("count-words");
        std::fs::create_dir_all(folder.join("cases")).expect("there is room");
        assert_eq!(folder_name(&folder.join("cases/..")), "count-words");
        for (path, name) in
            [("steps/a/", "steps/a"), ("a/.", "a"), ("./a//", "./a"), ("/", "/"), ("../missing", "../missing")]
        {
            assert_eq!(folder_name(Path::new(path)), name);
        }
        let current = std::env::current_dir().expect("it is there");
        let own = current.file_name().expect("it has a name").to_string_lossy();
        assert_eq!(folder_name(Path::new(".")), own);
        assert_eq!(folder_name(Path::new("./")), own);
    }
}
