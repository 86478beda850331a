//! Calls itself forever.

use stillbox_sdk::{Input, Result, step};
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
        std::hint::black_box(deeper(row.id as u64));
    }
    Ok(())
}

#[inline(never)]
#[expect(unconditional_recursion, reason = "the test needs a stack overflow")]
fn deeper(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 32]);
    deeper(room[7] + 1) + room[3]
}
