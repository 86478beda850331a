//! `path` and `component`: paths of files, relative to the pipeline file.

use std::path::{Path, PathBuf};

use super::location::Located;
use super::parse_context::ParseContext;
use super::table::TableEntry;

/// The path that stands for standard input or output.
const STANDARD: &str = "-";

/// A path as written, and the folder that it is relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathSetting {
    /// The path as written. `-` is standard input or output.
    pub(crate) written: PathBuf,
    /// The folder that a relative path starts from. Empty for the current directory.
    pub(crate) base: PathBuf,
}

impl PathSetting {
    /// Whether this is standard input or output.
    pub(crate) fn is_standard(&self) -> bool {
        self.written == Path::new(STANDARD)
    }

    /// The path to open: absolute, or relative to the current directory.
    pub(crate) fn path(&self) -> PathBuf {
        self.base.join(&self.written)
    }

    /// The pattern of a source's path that contains `*`, `?` or `[`. `None` for a plain path.
    ///
    /// Only the written path is a pattern. Special characters in the base folder are escaped.
    pub(crate) fn pattern(&self) -> Option<PathBuf> {
        let written = self.written.to_str().filter(|path| path.contains(['*', '?', '[']))?;
        let base = glob::Pattern::escape(self.base.to_str()?);
        Some(Path::new(&base).join(written))
    }
}

/// Reads a path relative to the pipeline file.
pub(super) fn read(entry: &TableEntry<'_>, help: &str, context: &mut ParseContext<'_>) -> Option<Located<PathSetting>> {
    let written = entry.string(context)?;
    let wrong = if written.is_empty() {
        "is empty"
    } else if written.contains('\0') {
        "contains a NUL character, which a path cannot contain"
    } else {
        let location = PathSetting { written: written.value.into(), base: context.base.to_owned() };
        return Some(Located::new(location, written.location));
    };
    context.push(entry.diagnostic(format!("{} {wrong}", entry.name)).help(help));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(base: &str, written: &str) -> PathSetting {
        PathSetting { written: written.into(), base: base.into() }
    }

    #[test]
    fn paths_start_from_their_base() {
        assert_eq!(location("jobs", "in.csv").path(), Path::new("jobs/in.csv"));
        assert_eq!(location("jobs", "/data/in.csv").path(), Path::new("/data/in.csv"));
        assert_eq!(location("", "in.csv").path(), Path::new("in.csv"));
        assert!(location("jobs", "-").is_standard());
        assert!(!location("jobs", "./-").is_standard());
    }

    #[test]
    fn the_base_folder_of_a_pattern_is_escaped() {
        assert_eq!(location("a[1]", "in.csv").pattern(), None);
        assert_eq!(location("a[1]", "*.csv").pattern(), Some("a[[]1[]]/*.csv".into()));
        assert_eq!(location("a", "/data/??.csv").pattern(), Some("/data/??.csv".into()));
    }
}
