//! Writes what it reads: texts.

use stillbox_sdk::{Input, Output, Result, step};

/// What the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The value.
    pub value: &'a str,
}

/// What the step writes.
#[derive(Debug, Output)]
pub struct Copied<'a> {
    /// The same value.
    pub value: &'a str,
}

/// Copies a column of texts.
#[step]
pub fn copy_texts(row: Row<'_>) -> Result<Copied<'_>> {
    Ok(Copied { value: row.value })
}
