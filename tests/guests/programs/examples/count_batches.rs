//! Returns the number of rows and batches that its instance has seen, which depends only on `batch-rows` and `instance`.

use std::cell::Cell;

use stillbox_sdk::{Batch, Input, Output, Result, Rows, ensure, step};

/// The columns that the step reads.
#[derive(Input)]
pub struct Row<'a> {
    text: &'a str,
}

/// The columns that the step writes.
#[derive(Output)]
pub struct Seen {
    batches: u64,
    batch_rows: u64,
}

thread_local! {
    static BATCHES: Cell<u64> = const { Cell::new(0) };
}

/// Counts the batches of its instance.
#[step]
fn count_batches(batch: Batch<'_, Row<'_>>) -> Result<Rows<Seen>> {
    BATCHES.set(BATCHES.get() + 1);
    let batch_rows = batch.len() as u64;
    let mut rows = Rows::new();
    for row in batch.iter() {
        ensure!(row?.text != "fail", "the text requests a failure");
        rows.push(Seen { batches: BATCHES.get(), batch_rows })?;
    }
    Ok(rows)
}
