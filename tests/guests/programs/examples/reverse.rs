//! Takes a whole batch, and returns its rows in another order.

use stillbox_sdk::{Batch, Input, Output, Result, Rows, step};

#[derive(Input)]
struct Row {
    id: i64,
}

#[derive(Output)]
struct Place {
    place: usize,
    doubled: i64,
}

/// Reverses each batch.
#[step]
fn reverse(batch: Batch<'_, Row>) -> Result<Rows<Place>> {
    let mut rows = Rows::with_capacity(batch.len());
    for (place, index) in (0..batch.len()).rev().enumerate() {
        rows.push_from(index, Place { place, doubled: batch.row(index)?.id * 2 })?;
    }
    Ok(rows)
}
