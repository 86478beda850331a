//! Fails with everything that differs from one run to the next: the time, the time that has passed, and a random number.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stillbox_sdk::{Error, Input, Result, step};

#[derive(Input)]
struct Row {
    id: i64,
}

/// Fails at every row with the present.
#[step]
fn tell_now(row: Row) -> Result<()> {
    let begun = Instant::now();
    std::thread::sleep(Duration::from_millis(2));
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let random = wasip2::random::random::get_random_u64();
    Err(Error::new(format_args!("row {} at {now}, after {:?}, with {random}", row.id, begun.elapsed())))
}
