//! Reads a column that may be missing.

use stillbox_sdk::{Input, Output, Result, step};

#[derive(Input)]
struct Row<'a> {
    #[column(optional)]
    title: Option<&'a str>,
}

#[derive(Output)]
struct Heading {
    heading: String,
}

/// Adds the title as a heading, if there is one.
#[step]
fn optional_column(row: Row<'_>) -> Result<Heading> {
    Ok(Heading { heading: row.title.map_or("untitled".into(), str::to_uppercase) })
}
