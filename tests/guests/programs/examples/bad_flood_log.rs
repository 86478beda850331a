//! Writes to the log forever.

use stillbox_sdk::{Input, Result, log, step};
use stillbox_test_programs::GUILTY;

#[derive(Input)]
struct Row {
    id: i64,
}

/// Misbehaves at the guilty row.
#[step]
#[expect(clippy::unnecessary_wraps, reason = "the form of a step")]
fn misbehave(row: Row) -> Result<()> {
    if row.id == GUILTY {
        loop {
            log::info!("the same line again and again");
        }
    }
    Ok(())
}
