//! Reads standard input to its end, which is empty.

use std::io::Read as _;

use stillbox_sdk::{Input, Result, bail, step};
use stillbox_test_programs::GUILTY;

#[derive(Input)]
struct Row {
    id: i64,
}

/// Misbehaves at the guilty row.
#[step]
fn misbehave(row: Row) -> Result<()> {
    if row.id == GUILTY {
        let mut input = Vec::new();
        let read = std::io::stdin().read_to_end(&mut input);
        bail!("standard input gave {} bytes and {:?}", input.len(), read.map_err(|error| error.kind()));
    }
    Ok(())
}
