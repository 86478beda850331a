//! Adds a column, or drops the row.

use stillbox_sdk::{Input, Output, Result, step};

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

#[derive(Output)]
struct First<'a> {
    first: &'a str,
}

/// Adds the first word, and drops texts without a word.
#[step]
fn drop_short(row: Row<'_>) -> Result<Option<First<'_>>> {
    Ok(row.text.split_whitespace().next().map(|first| First { first }))
}
