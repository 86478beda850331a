//! Has columns whose names are set by parameters.

use stillbox_sdk::{Input, Output, Parameters, Result, step};

#[derive(Parameters)]
struct Parameters {
    /// The column to add to.
    augend: String,
    /// The column to add.
    addend: String,
    /// The column for the sum.
    sum: Option<String>,
}

#[derive(Input)]
struct Row {
    #[column(from = "augend")]
    augend: i64,
    #[column(from = "addend")]
    addend: i64,
}

#[derive(Output)]
struct Sum {
    #[column(from = "sum")]
    sum: i64,
}

/// Adds two columns.
#[step]
fn named_columns(_: &Parameters, row: Row) -> Result<Sum> {
    Ok(Sum { sum: row.augend.wrapping_add(row.addend) })
}
