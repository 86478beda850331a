//! Returns the times of the start and the end of a call, which works for a millisecond.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stillbox_sdk::{Batch, Input, Output, Result, Rows, step};

/// The columns that the step reads.
#[derive(Input)]
pub struct Row {
    #[expect(dead_code, reason = "the step needs an input column")]
    id: i64,
}

/// The columns that the step writes, in nanoseconds.
#[derive(Output)]
pub struct Times {
    begun: i64,
    done: i64,
}

const WORK: Duration = Duration::from_millis(1);

/// Works for a while.
#[step]
fn tell_times(batch: Batch<'_, Row>) -> Result<Rows<Times>> {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH);
    let begun = now()?;
    let mut done = now()?;
    while done < begun + WORK {
        done = now()?;
    }
    let mut rows = Rows::with_capacity(batch.len());
    for _ in 0..batch.len() {
        rows.push(Times { begun: begun.as_nanos() as i64, done: done.as_nanos() as i64 })?;
    }
    Ok(rows)
}
