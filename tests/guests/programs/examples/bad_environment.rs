//! Reads an environment variable that is usually set.

use stillbox_sdk::{Input, Result, step};
use stillbox_test_programs::GUILTY;

#[derive(Input)]
struct Row {
    id: i64,
}

/// Misbehaves at the guilty row.
#[step]
fn misbehave(row: Row) -> Result<()> {
    if row.id == GUILTY {
        std::env::var("PATH")?;
    }
    Ok(())
}
