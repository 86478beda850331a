//! Searches texts with a regular expression: work with many branches.

use std::sync::LazyLock;

use regex::Regex;
use stillbox_sdk::{Input, Output, Result, step};

/// The columns that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    pub text: &'a str,
}

/// The columns that the step writes.
#[derive(Debug, Output)]
pub struct Matched {
    /// The number of matches.
    pub matches: i64,
}

/// Counts the matches of a regular expression in a text.
#[step]
pub fn match_texts(row: Row<'_>) -> Result<Matched> {
    Ok(Matched { matches: matches(row.text) as i64 })
}

/// Counts the words of at least four letters that are followed by a word that contains `e` or `a`.
pub fn matches(text: &str) -> usize {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?-u:\b[a-zA-Z]{4,}\s+[a-zA-Z]*[ea][a-zA-Z]*)").expect("the expression is well-formed")
    });
    WORDS.find_iter(text).count()
}
