//! The name of a step, which has to be valid as the name of a crate, a Python module and a step of a pipeline.

use std::path::Path;

use super::code::code;
use super::error::NewError;
use super::{Language, StepTemplate};

/// The maximum length of a name in bytes. The name becomes part of the names of folders and files.
const LONGEST: usize = 64;

/// Names that a crate or its function cannot have, or that would be ambiguous: keywords, built-in types, the libraries
/// of the compiler, and the names of cargo's folders.
const OF_RUST: &str = include_str!("names/rust.txt");

/// Names of the Rust prelude. A type of such a name would hide them.
const PRELUDE: [&str; 35] = [
    "AsMut",
    "AsRef",
    "Box",
    "Clone",
    "Copy",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Into",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "Vec",
];

/// Names that a Python module or function cannot have: keywords, built-in names, and the modules of the standard
/// library, which a step's module would hide.
const OF_PYTHON: &str = include_str!("names/python.txt");

/// Names of the SDK.
const OF_STILLBOX: [&str; 3] = ["stillbox", "stillbox-sdk", "stillbox-sdk-macros"];

/// A name in the spellings that the templates need.
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
    /// Returns the names of the step in a folder.
    ///
    /// # Errors
    /// The name of the folder is not allowed for a step, or for a step of this template.
    pub(super) fn from_folder(folder: &Path, language: Language, template: StepTemplate) -> Result<Self, NewError> {
        let Some(name) = folder.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            return Err(NewError::NoName { path: folder.to_owned() });
        };
        let type_name = name.split(['-', '_']).map(capitalised).collect();
        let names = Self { function: name.replace('-', "_"), type_name, name };
        let refused = |wrong: String, instead: String| {
            let name = stillbox::text::escape_controls(&names.name).into_owned();
            Err(NewError::Name { name, wrong, instead })
        };
        if let Some(wrong) = malformed(&names.name) {
            return refused(wrong, "count-words".to_owned());
        }
        match names.taken(language, template) {
            Some(by) => refused(format!("is {by}"), format!("{}-step", names.name)),
            None => Ok(names),
        }
    }

    /// Returns a description of the existing use of this name, or `None` if it is free.
    fn taken(&self, language: Language, template: StepTemplate) -> Option<&'static str> {
        let is_in = |list: &str| list.lines().any(|word| word == self.function);
        let code = code(language, template);
        // Sources and aggregates are types, the other steps are functions.
        let is_type = matches!(template, StepTemplate::Source | StepTemplate::Aggregate);
        let is_used = match (language, is_type) {
            // The code in JavaScript has no name of the step; that of functions in Rust calls only macros and methods, whose names do
            // not conflict with those of functions and types.
            (Language::JavaScript, _) | (Language::Rust, false) => false,
            (_, true) => words(code).any(|word| word == self.type_name),
            (Language::Python, false) => imported(code).any(|word| word == self.function),
        };
        match language {
            Language::Rust if is_in(OF_RUST) => Some("a word that Rust or cargo uses itself"),
            Language::Rust if is_type && PRELUDE.contains(&&*self.type_name) => Some("a word that Rust uses itself"),
            Language::Python if is_in(OF_PYTHON) => Some("a word or a module of Python"),
            _ if OF_STILLBOX.contains(&self.name.replace('_', "-").as_str()) => Some("a name of Stillbox's own"),
            _ if is_used => Some("a name that the code of a new step has for something else"),
            _ => None,
        }
    }
}

/// Returns the words of some code, without those in comments.
fn words(code: &str) -> impl Iterator<Item = &str> {
    let is_comment = |line: &&str| line.trim_start().starts_with("//") || line.trim_start().starts_with('#');
    let lines = code.lines().filter(move |line| !is_comment(line) || line.starts_with("#["));
    lines
        .flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
        .filter(|word| !word.is_empty())
}

/// Returns the names that some Python code imports.
fn imported(code: &str) -> impl Iterator<Item = &str> {
    let lines = code.lines().filter_map(|line| line.strip_prefix("from ")?.split_once(" import "));
    lines.flat_map(|(_, names)| names.split(", "))
}

/// Returns the rule that a name breaks by its spelling, or `None` if it is valid.
fn malformed(name: &str) -> Option<String> {
    let is_letter = |c: char| c.is_ascii_lowercase();
    Some(if name.len() > LONGEST {
        format!("is longer than {LONGEST} characters")
    } else if let Some(odd) = name.chars().find(|c| !(is_letter(*c) || c.is_ascii_digit() || matches!(c, '-' | '_'))) {
        format!("has {odd:?} in it")
    } else if !name.starts_with(is_letter) {
        "does not begin with a letter".into()
    } else if name.ends_with(['-', '_']) || name.contains("--") || name.contains("-_") || name.contains("_-") {
        "has a `-` or `_` at its end, or two in a row".into()
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
        Names::from_folder(Path::new(folder), Language::Rust, StepTemplate::Transform)
            .map_err(|error| error.to_string())
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
        assert_eq!(wrong("Count"), "`Count` is not a valid name of a step: it has 'C' in it");
        assert_eq!(wrong("a b"), "`a b` is not a valid name of a step: it has ' ' in it");
        assert_eq!(wrong("2words"), "`2words` is not a valid name of a step: it does not begin with a letter");
        assert_eq!(
            wrong("match"),
            "`match` is not a valid name of a step: it is a word that Rust or cargo uses itself"
        );
        assert_eq!(
            wrong("a--b"),
            "`a--b` is not a valid name of a step: it has a `-` or `_` at its end, or two in a row"
        );
        assert_eq!(
            wrong("stillbox-sdk"),
            "`stillbox-sdk` is not a valid name of a step: it is a name of Stillbox's own"
        );
        assert!(wrong("..").starts_with("`..` is not the name of a new folder"));
        assert_eq!(wrong("\u{1b}[31m"), "`\\u{1b}[31m` is not a valid name of a step: it has '\\u{1b}' in it");
        assert!(names("json").is_ok());
    }

    fn is_refused(name: &str, language: Language, template: StepTemplate) -> bool {
        Names::from_folder(Path::new(name), language, template).is_err()
    }

    #[test]
    fn what_the_code_of_a_shape_uses_is_no_name_for_it() {
        for name in ["source", "row", "parameters", "output", "rows", "result", "option", "iterator"] {
            assert!(is_refused(name, Language::Rust, StepTemplate::Source), "{name}");
        }
        for name in ["aggregate", "batch", "total", "input", "row", "iterator", "default"] {
            assert!(is_refused(name, Language::Rust, StepTemplate::Aggregate), "{name}");
        }
        for name in ["usize", "str", "proc-macro"] {
            assert!(is_refused(name, Language::Rust, StepTemplate::Filter), "{name}");
        }
        for name in ["row", "source", "total", "ensure", "step", "text", "option"] {
            assert!(!is_refused(name, Language::Rust, StepTemplate::Transform), "{name}");
        }
        // Only in a comment.
        assert!(!is_refused("counts", Language::Rust, StepTemplate::Source));
    }

    #[test]
    fn modules_and_builtins_of_python_are_no_names() {
        for template in [
            StepTemplate::Transform,
            StepTemplate::Filter,
            StepTemplate::Expand,
            StepTemplate::Source,
            StepTemplate::Aggregate,
        ] {
            for name in ["enum", "inspect", "operator", "tokenize", "len", "json", "sum", "concurrent", "match"] {
                assert!(is_refused(name, Language::Python, template), "{name}");
            }
            assert!(!is_refused("count-words", Language::Python, template));
        }
        assert!(is_refused("column", Language::Python, StepTemplate::Filter));
        assert!(is_refused("total", Language::Python, StepTemplate::Aggregate));
        assert!(!is_refused("total", Language::Python, StepTemplate::Filter));
    }

    #[test]
    fn another_name_is_suggested() {
        let error = names("match").expect_err("it is a keyword");
        assert!(error.ends_with("such as `match-step`"), "{error}");
        assert!(names("match-step").is_ok());
    }
}
