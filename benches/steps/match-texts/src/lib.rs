//! Looks for regular expressions in texts: work that jumps.

use std::sync::LazyLock;

use regex::Regex;
use stillbox_sdk::{Input, Output, Result, step};

/// What the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    pub text: &'a str,
}

/// What the step writes.
#[derive(Debug, Output)]
pub struct Matched {
    /// How often the expression matches.
    pub matches: i64,
}

/// Counts pairs of words that begin with the same few letters.
#[step]
pub fn match_texts(row: Row<'_>) -> Result<Matched> {
    Ok(Matched { matches: matches(row.text) as i64 })
}

/// How often a word of four letters or more is followed by one with `e` or `a` in it.
pub fn matches(text: &str) -> usize {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?-u:\b[a-zA-Z]{4,}\s+[a-zA-Z]*[ea][a-zA-Z]*)").expect("the expression is well-formed")
    });
    WORDS.find_iter(text).count()
}
