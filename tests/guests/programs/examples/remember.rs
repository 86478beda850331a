//! Counts in a global variable.

use std::sync::atomic::{AtomicU64, Ordering};

use stillbox_sdk::{Batch, Input, Output, Result, Rows, step};

static ROWS_SEEN: AtomicU64 = AtomicU64::new(0);

#[derive(Input)]
struct Row {
    #[expect(dead_code, reason = "only the number of rows matters")]
    id: i64,
}

#[derive(Output)]
struct Seen {
    seen: u64,
}

/// Adds the number of rows that this instance has seen to each row.
#[step]
fn remember(batch: Batch<'_, Row>) -> Result<Rows<Seen>> {
    let mut rows = Rows::with_capacity(batch.len());
    for _ in 0..batch.len() {
        rows.push(Seen { seen: ROWS_SEEN.fetch_add(1, Ordering::Relaxed) + 1 })?;
    }
    Ok(rows)
}
