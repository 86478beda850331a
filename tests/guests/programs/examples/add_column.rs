//! Adds a column. An empty text is rejected, with a cause.

use stillbox_sdk::{Context, Input, Output, Result, bail, step};

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

#[derive(Output)]
struct Length {
    length: usize,
}

/// Adds the length of `text`.
#[step]
fn add_column(row: Row<'_>) -> Result<Length> {
    let length = length(row.text).context("the text has no length")?;
    Ok(Length { length })
}

fn length(text: &str) -> Result<usize> {
    if text.is_empty() {
        bail!("it is empty");
    }
    Ok(text.len())
}
