//! Keeps or drops rows.

use stillbox_sdk::{Input, Parameters, Result, step};

#[derive(Parameters)]
struct Parameters {
    /// The smallest number of bytes in a text.
    #[parameter(default = 2, min = 0)]
    min_bytes: usize,
}

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

/// Keeps texts that are long enough.
#[step]
fn keep_long(parameters: &Parameters, row: Row<'_>) -> Result<bool> {
    Ok(row.text.len() >= parameters.min_bytes)
}
