//! Copies a column of integers as a whole, to measure the cost of the transfer alone.

use stillbox_sdk::{Batch, Input, Output, Result, Rows, step};

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
pub fn copy_integer_column(batch: Batch<'_, Row>) -> Result<Rows<Copied>> {
    let value = batch.columns().value;
    Rows::from_columns(batch.len(), CopiedBuilders { value: value.values().to_vec().into() })
}
