//! Copies a column of integers, to measure the cost of the transfer.

use stillbox_sdk::{Input, Output, Result, step};

/// The columns that the step reads.
#[derive(Debug, Input)]
pub struct Row {
    /// The value.
    pub value: i64,
}

/// The columns that the step writes.
#[derive(Debug, Output)]
pub struct Copied {
    /// The same value.
    pub value: i64,
}

/// Copies a column of integers.
#[step]
pub fn copy_integers(row: Row) -> Result<Copied> {
    Ok(Copied { value: row.value })
}
