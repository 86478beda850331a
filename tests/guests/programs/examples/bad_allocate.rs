//! Allocates and frees memory forever.

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
        loop {
            std::hint::black_box(vec![1_u8; 16 << 20]);
        }
    }
    Ok(())
}
