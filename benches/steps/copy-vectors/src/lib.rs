//! Writes what it reads: vectors.

use stillbox_sdk::{Input, Output, Result, step};

/// What the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The value.
    pub value: &'a [f32],
}

/// What the step writes.
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
