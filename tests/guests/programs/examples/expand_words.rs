//! Makes several rows of one.

use stillbox_sdk::{Input, Output, Result, step};

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

#[derive(Output)]
struct Word<'a> {
    word: &'a str,
}

/// Makes a row of each word.
#[step]
fn expand_words(row: Row<'_>) -> Result<Vec<Word<'_>>> {
    Ok(row.text.split_whitespace().map(|word| Word { word }).collect())
}
