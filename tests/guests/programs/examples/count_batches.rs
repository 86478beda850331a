//! Tells how many rows and batches its instance has seen: what only `batch-rows` and `instance` change.

use std::cell::Cell;

use stillbox_sdk::{Batch, Input, Output, Result, Rows, ensure, step};

/// What it reads.
#[derive(Input)]
pub struct Row<'a> {
    text: &'a str,
}

/// What it makes.
#[derive(Output)]
pub struct Seen {
    batches: u64,
    batch_rows: u64,
}

thread_local! {
    static BATCHES: Cell<u64> = const { Cell::new(0) };
}

/// Counts the batches that its instance was given.
#[step]
fn count_batches(batch: Batch<'_, Row<'_>>) -> Result<Rows<Seen>> {
    BATCHES.set(BATCHES.get() + 1);
    let batch_rows = batch.len() as u64;
    let mut rows = Rows::new();
    for row in batch.iter() {
        ensure!(row?.text != "fail", "told to fail");
        rows.push(Seen { batches: BATCHES.get(), batch_rows })?;
    }
    Ok(rows)
}
