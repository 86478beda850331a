//! `path` and `component`: paths of files, relative to the pipeline file.

use std::path::{Path, PathBuf};

use super::location::Located;
use super::parse_context::{ParseContext, shortened};
use super::table::TableEntry;
use crate::format::Format;
use crate::pattern;

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

    /// The paths that a source's path stands for if it has braces, without the folder that they start from. Malformed
    /// braces are reported when the files are looked for.
    pub(crate) fn alternatives(&self) -> Vec<PathBuf> {
        let written = self.written.to_str().and_then(|written| pattern::alternatives(written).ok());
        written.map_or_else(|| vec![self.written.clone()], |all| all.into_iter().map(PathBuf::from).collect())
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

/// Reads the path of a file of JSON Lines with `rows`, such as "rejected rows". It may be compressed, and is not the standard output.
pub(super) fn read_json_lines(
    entry: &TableEntry<'_>,
    rows: &str,
    help: &str,
    context: &mut ParseContext<'_>,
) -> Option<Located<PathSetting>> {
    let path = read(entry, help, context)?;
    let wrong = if path.is_standard() {
        format!("{rows} cannot go to standard output")
    } else if Format::from_path(&path.written) == Some(Format::JsonLines) {
        return Some(path);
    } else {
        let written = path.written.display().to_string();
        format!("{rows} are written as JSON Lines, and `{}` does not have its file extension", shortened(&written))
    };
    let diagnostic = entry.diagnostic(wrong).label("expected a .jsonl file");
    context.push(diagnostic.help("give a file that ends in .jsonl, or in .jsonl.gz or .jsonl.zst to compress it"));
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
    fn braces_stand_for_several_paths() {
        assert_eq!(location("a{1}", "{b,c}.csv").alternatives(), [Path::new("b.csv"), Path::new("c.csv")]);
        assert_eq!(location("", "b{.csv").alternatives(), [Path::new("b{.csv")]);
    }
}
