//! Copies a column of vectors, to measure the cost of the transfer.

use stillbox_sdk::{Input, Output, Result, step};

/// The columns that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The value.
    pub value: &'a [f32],
}

/// The columns that the step writes.
#[derive(Debug, Output)]
pub struct Copied<'a> {
    /// The same value.
    pub value: &'a [f32],
}

/// Copies a column of vectors.
#[step]
pub fn copy_vectors(row: Row<'_>) -> Result<Copied<'_>> {
    Ok(Copied { value: row.value })
}
