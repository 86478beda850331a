//! `path` and `component`: where a file is.

use std::path::{Path, PathBuf};

use super::location::Located;
use super::parse_context::ParseContext;
use super::table::TableEntry;

/// The path that stands for standard input or output.
const STANDARD: &str = "-";

/// A path as it was written, and the folder that it is relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathSetting {
    /// As written. `-` is standard input or output.
    pub(crate) written: PathBuf,
    /// The folder that a relative path starts from; empty for the current directory.
    pub(crate) base: PathBuf,
}

impl PathSetting {
    /// Whether this is standard input or output.
    pub(crate) fn is_standard(&self) -> bool {
        self.written == Path::new(STANDARD)
    }

    /// The path to open, relative to the current directory unless it is absolute.
    pub(crate) fn path(&self) -> PathBuf {
        self.base.join(&self.written)
    }

    /// The pattern to search with, where a source's path has `*`, `?` or `[` in it; none for a plain path.
    ///
    /// Only what was written is a pattern; the folder in front of it is taken as it is.
    pub(crate) fn pattern(&self) -> Option<PathBuf> {
        let written = self.written.to_str().filter(|path| path.contains(['*', '?', '[']))?;
        let base = glob::Pattern::escape(self.base.to_str()?);
        Some(Path::new(&base).join(written))
    }
}

/// Reads a path, relative to the pipeline file.
pub(super) fn read(entry: &TableEntry<'_>, help: &str, context: &mut ParseContext<'_>) -> Option<Located<PathSetting>> {
    let written = entry.string(context)?;
    let wrong = if written.is_empty() {
        "is empty"
    } else if written.contains('\0') {
        "contains a NUL, which no path can"
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
    fn only_what_was_written_is_a_pattern() {
        assert_eq!(location("a[1]", "in.csv").pattern(), None);
        assert_eq!(location("a[1]", "*.csv").pattern(), Some("a[[]1[]]/*.csv".into()));
        assert_eq!(location("a", "/data/??.csv").pattern(), Some("/data/??.csv".into()));
    }
}
