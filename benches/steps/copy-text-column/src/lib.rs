//! Copies a column of texts as a whole, to measure the cost of the transfer alone.

use stillbox_sdk::{Batch, Input, Output, Result, Rows, step};

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
pub fn copy_text_column(batch: Batch<'_, Row<'_>>) -> Result<Rows<Copied<'static>>> {
    let value = batch.columns().value;
    Rows::from_columns(batch.len(), CopiedBuilders { value: value.into() })
}
