//! Writes nothing, and refuses some rows.

use stillbox_sdk::{Input, Parameters, Result, ensure, log, step};

#[derive(Parameters)]
struct Parameters {
    /// The row that is refused.
    id: i64,
}

#[derive(Input)]
struct Row {
    id: i64,
}

/// Refuses the row with the given `id`.
#[step]
fn refuse(parameters: &Parameters, row: Row) -> Result<()> {
    if row.id == parameters.id {
        log::warn!("looking at row {}", row.id);
    }
    ensure!(row.id != parameters.id, "the id {} is not wanted", row.id);
    Ok(())
}
