//! The name of a step: what a crate, a Python module and a step of a pipeline can all be called.

use std::path::Path;

use super::Language;
use super::error::NewError;

/// The longest name, in bytes: it becomes the name of folders and files.
const LONGEST: usize = 64;

/// What a crate cannot be called, or would be confused with: keywords, the libraries that come with the compiler, and
/// what cargo has folders for.
const OF_RUST: [&str; 59] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "incremental",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// What a Python module cannot be called, and the modules of the standard library that steps are likely to import.
const OF_PYTHON: [&str; 53] = [
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "code",
    "collections",
    "continue",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "functools",
    "global",
    "if",
    "import",
    "in",
    "io",
    "is",
    "itertools",
    "json",
    "lambda",
    "logging",
    "math",
    "nonlocal",
    "not",
    "or",
    "os",
    "pass",
    "raise",
    "random",
    "re",
    "return",
    "string",
    "sys",
    "test",
    "time",
    "try",
    "types",
    "typing",
    "while",
    "with",
    "yield",
];

/// The SDK's own names.
const OF_STILLBOX: [&str; 3] = ["stillbox", "stillbox-sdk", "stillbox-sdk-macros"];

/// A name in the forms that the templates need.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// `count-words`.
    pub(super) name: String,
    /// `count_words`.
    pub(super) function: String,
    /// `CountWords`.
    pub(super) type_name: String,
}

impl Names {
    /// The names of the step in a folder.
    ///
    /// # Errors
    /// The folder's name does not do for a step.
    pub(super) fn of(folder: &Path, language: Language) -> Result<Self, NewError> {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(wrong) = wrong(&name, language) {
            let name = if name.is_empty() { folder.display().to_string() } else { name };
            return Err(NewError::Name { name: crate::text::escape_controls(&name).into_owned(), wrong });
        }
        let type_name = name.split(['-', '_']).map(capitalised).collect();
        Ok(Self { function: name.replace('-', "_"), type_name, name })
    }
}

fn wrong(name: &str, language: Language) -> Option<String> {
    let reserved: &[&str] = match language {
        Language::Rust => &OF_RUST,
        Language::Python => &OF_PYTHON,
    };
    let is_letter = |c: char| c.is_ascii_lowercase();
    Some(if name.is_empty() {
        "is empty".into()
    } else if name.len() > LONGEST {
        format!("is longer than {LONGEST} characters")
    } else if let Some(odd) = name.chars().find(|c| !(is_letter(*c) || c.is_ascii_digit() || matches!(c, '-' | '_'))) {
        format!("has {odd:?} in it")
    } else if !name.starts_with(is_letter) {
        "does not begin with a letter".into()
    } else if name.ends_with(['-', '_']) || name.contains("--") || name.contains("-_") || name.contains("_-") {
        "has a `-` or `_` at its end, or two in a row".into()
    } else if reserved.contains(&name) {
        match language {
            Language::Rust => "is a word that Rust or cargo uses itself".into(),
            Language::Python => "is a word or a module of Python".into(),
        }
    } else if OF_STILLBOX.contains(&name.replace('_', "-").as_str()) {
        "is a name of Stillbox's own".into()
    } else {
        return None;
    })
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &str) -> Result<Names, String> {
        Names::of(Path::new(folder), Language::Rust).map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_has_three_forms() {
        let names = names("steps/count-words2/").expect("it is a name");
        let Names { name, function, type_name } = names;
        assert_eq!((&*name, &*function, &*type_name), ("count-words2", "count_words2", "CountWords2"));
    }

    #[test]
    fn what_does_not_do_says_why() {
        let wrong = |folder: &str| names(folder).expect_err(folder).split("; ").next().unwrap_or_default().to_owned();
        assert_eq!(wrong("Count"), "`Count` is no name for a step: it has 'C' in it");
        assert_eq!(wrong("a b"), "`a b` is no name for a step: it has ' ' in it");
        assert_eq!(wrong("2words"), "`2words` is no name for a step: it does not begin with a letter");
        assert_eq!(wrong("match"), "`match` is no name for a step: it is a word that Rust or cargo uses itself");
        assert_eq!(wrong("a--b"), "`a--b` is no name for a step: it has a `-` or `_` at its end, or two in a row");
        assert_eq!(wrong("stillbox-sdk"), "`stillbox-sdk` is no name for a step: it is a name of Stillbox's own");
        assert_eq!(wrong(".."), "`..` is no name for a step: it is empty");
        assert_eq!(wrong("\u{1b}[31m"), "`\\u{1b}[31m` is no name for a step: it has '\\u{1b}' in it");
        assert!(names("json").is_ok());
        assert!(Names::of(Path::new("json"), Language::Python).is_err());
    }
}
