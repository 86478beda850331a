//! Patterns of file names: `*`, `?`, `[…]`, `**` and `{a,b}`.
//!
//! A pattern is matched name by name while folders are listed, on the bytes of names, so a name that is not UTF-8 is
//! matched like any other: `*` matches it, and `?` matches each byte of it that is not part of a character. `**` enters
//! folders, but no links to folders, so a link that leads back to a folder above it is not followed forever.

mod braces;
mod component;

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

pub(crate) use braces::alternatives;
use component::ComponentPattern;

/// The characters that make a path a pattern, unless there is a file of exactly that name.
const SPECIAL: [char; 4] = ['*', '?', '[', '{'];

/// The reason why a pattern gives no files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PatternError {
    /// The pattern is malformed.
    #[error("{pattern:?} is not a pattern of file names: {reason}")]
    Malformed {
        /// The pattern.
        pattern: String,
        /// The reason, as a clause.
        reason: &'static str,
    },
    /// No file matches.
    #[error("no file matches {pattern:?}; check the path and the working directory")]
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// A folder cannot be listed.
    #[error("cannot list the folder {}", folder.display())]
    List {
        /// The folder.
        folder: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
}

/// Returns whether a path as written is a pattern, if there is no file of exactly that name.
pub(crate) fn is_pattern(written: &Path) -> bool {
    written.to_str().is_some_and(|written| written.contains(SPECIAL))
}

/// Returns the files that a path stands for, in the byte order of their paths: the path itself if there is a file of that
/// name or if it has no special characters, otherwise all files that match it. Only `written` is a pattern; `base` is the
/// folder that it starts from.
///
/// # Errors
/// See [`PatternError`].
pub(crate) fn find(base: &Path, written: &Path) -> Result<Vec<PathBuf>, PatternError> {
    let literal = base.join(written);
    let Some(pattern) = written.to_str().filter(|_| is_pattern(written) && fs::symlink_metadata(&literal).is_err())
    else {
        return Ok(vec![literal]);
    };
    let malformed = |reason| PatternError::Malformed { pattern: pattern.to_owned(), reason };
    let mut found = Vec::new();
    for alternative in alternatives(pattern).map_err(malformed)? {
        let root = root(&alternative);
        let start = if root.as_os_str().is_empty() { base.to_owned() } else { root.clone() };
        let names = alternative.get(root.as_os_str().len()..).unwrap_or_default();
        visit(start, &ComponentPattern::parse_all(names).map_err(malformed)?, &mut found)?;
    }
    if found.is_empty() {
        return Err(PatternError::NoMatch { pattern: literal.display().to_string() });
    }
    found.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    found.dedup();
    Ok(found)
}

/// Returns the start of an absolute path: `/`, and on Windows the drive, too. Empty for a relative path.
fn root(path: &str) -> PathBuf {
    let is_start = |part: &Component<'_>| matches!(part, Component::Prefix(_) | Component::RootDir);
    Path::new(path).components().take_while(is_start).collect()
}

/// Returns the folder below which all files are that match the pattern.
pub(crate) fn folder(base: &Path, written: &Path) -> PathBuf {
    let plain = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(SPECIAL);
    base.join(written.components().take_while(plain).collect::<PathBuf>())
}

/// Adds the files below `path` that match the components. Folders that match are skipped, because `data/*` is meant to
/// select files.
fn visit(path: PathBuf, components: &[ComponentPattern], found: &mut Vec<PathBuf>) -> Result<(), PatternError> {
    let Some((component, rest)) = components.split_first() else {
        if !path.is_dir() && fs::symlink_metadata(&path).is_ok() {
            found.push(path);
        }
        return Ok(());
    };
    match component {
        ComponentPattern::Name(name) => visit(path.join(name), rest, found),
        ComponentPattern::Pattern(pattern) => {
            for entry in list(&path)? {
                if pattern.matches(&entry.file_name()) && (rest.is_empty() || entry.path().is_dir()) {
                    visit(path.join(entry.file_name()), rest, found)?;
                }
            }
            Ok(())
        }
        ComponentPattern::Folders => {
            visit(path.clone(), rest, found)?;
            for entry in list(&path)? {
                let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
                if !is_hidden && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    visit(path.join(entry.file_name()), components, found)?;
                }
            }
            Ok(())
        }
    }
}

/// Lists a folder. A path that is not a folder has no entries.
fn list(path: &Path) -> Result<Vec<fs::DirEntry>, PatternError> {
    let folder = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let failed = |source| PatternError::List { folder: folder.to_owned(), source };
    match fs::read_dir(folder) {
        Ok(entries) => entries.collect::<Result<_, _>>().map_err(failed),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder_with(files: &[&[u8]]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(OsStr::from_bytes(file));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn found(folder: &tempfile::TempDir, pattern: &str) -> Vec<String> {
        let paths = find(folder.path(), Path::new(pattern)).unwrap_or_default();
        let name = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
        paths.iter().map(name).collect()
    }

    #[test]
    fn names_that_are_not_utf8_are_matched_like_others() {
        let folder = folder_with(&[b"a.csv", b"caf\xe9.csv", b"caf\xe9.txt", b"d\xe9/b.csv", "é.csv".as_bytes()]);
        assert_eq!(found(&folder, "*.csv"), ["a.csv", "caf\u{fffd}.csv", "é.csv"]);
        assert_eq!(found(&folder, "?.csv"), ["a.csv", "é.csv"]);
        assert_eq!(found(&folder, "caf?.csv"), ["caf\u{fffd}.csv"]);
        assert_eq!(found(&folder, "**/b.csv"), ["d\u{fffd}/b.csv"]);
    }

    #[test]
    fn braces_sets_and_folders_are_matched() {
        let folder =
            folder_with(&[b"a/1.csv", b"a/2.csv", b"b/1.csv", b"b/c/1.csv", b".h/1.csv", b"a/.1.csv", b"x.csv"]);
        assert_eq!(found(&folder, "{a,b/c}/1.csv"), ["a/1.csv", "b/c/1.csv"]);
        assert_eq!(found(&folder, "{a,b}/{1,{2,3}}.csv"), ["a/1.csv", "a/2.csv", "b/1.csv"]);
        assert_eq!(found(&folder, "**/[!2].csv"), ["a/1.csv", "b/1.csv", "b/c/1.csv", "x.csv"]);
        assert_eq!(found(&folder, "b/**"), ["b/1.csv", "b/c/1.csv"]);
        assert_eq!(found(&folder, "a/.*.csv"), ["a/.1.csv"]);
        assert_eq!(found(&folder, "{x.csv,*}"), ["x.csv"]);
        assert_eq!(found(&folder, "[ab]/../x.csv"), ["a/../x.csv", "b/../x.csv"]);
        assert!(found(&folder, "*").contains(&"x.csv".to_owned()));
    }

    #[test]
    fn links_that_lead_back_are_not_followed() {
        let folder = folder_with(&[b"a/1.csv"]);
        symlink("..", folder.path().join("a/up")).unwrap();
        symlink("1.csv", folder.path().join("a/2.csv")).unwrap();
        assert_eq!(found(&folder, "**/*.csv"), ["a/1.csv", "a/2.csv"]);
        assert_eq!(found(&folder, "a/*/a/1.csv"), ["a/up/a/1.csv"]);
    }

    #[test]
    fn malformed_patterns_are_errors() {
        let folder = folder_with(&[b"a{b"]);
        let error = |pattern: &str| find(folder.path(), Path::new(pattern)).unwrap_err().to_string();
        assert_eq!(error("[a"), "\"[a\" is not a pattern of file names: a `[` has no closing `]`");
        assert_eq!(error("{a"), "\"{a\" is not a pattern of file names: a `{` has no closing `}`");
        assert_eq!(
            error("a**/b"),
            "\"a**/b\" is not a pattern of file names: `**` has to be the whole name of a folder"
        );
        assert!(error(&"{a,b}".repeat(20)).ends_with("it stands for more than 1000 paths"));
        assert!(error("nothing*").starts_with("no file matches "));
        assert_eq!(found(&folder, "a{b"), ["a{b"]);
    }
}
