//! Expands a row into several rows.

use stillbox_sdk::{Input, Output, Result, step};

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

#[derive(Output)]
struct Word<'a> {
    word: &'a str,
}

/// Returns one row for each word.
#[step]
fn expand_words(row: Row<'_>) -> Result<Vec<Word<'_>>> {
    Ok(row.text.split_whitespace().map(|word| Word { word }).collect())
}
