//! Copies a column of texts, to measure the cost of the transfer.

use stillbox_sdk::{Input, Output, Result, step};

/// The columns that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The value.
    pub value: &'a str,
}

/// The columns that the step writes.
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
