//! Returns an error with two causes and a hint.

use stillbox_sdk::{Context as _, Input, Result, step};
use stillbox_test_programs::GUILTY;

#[derive(Input)]
struct Row {
    id: i64,
}

/// Misbehaves at the guilty row.
#[step]
fn misbehave(row: Row) -> Result<()> {
    if row.id == GUILTY {
        let number: std::result::Result<i64, _> = "seven".parse::<i64>();
        number
            .context("the number is unreadable")
            .context("the row cannot be used")
            .map_err(|error| error.hint("write digits"))?;
    }
    Ok(())
}
