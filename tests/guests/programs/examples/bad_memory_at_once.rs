//! Allocates 3 GiB of memory at once.

use stillbox_sdk::{Input, Result, step};
use stillbox_test_programs::GUILTY;

/// More than half of the address space, which a vector cannot hold.
const PAGES: usize = 3 << 14;

#[derive(Input)]
struct Row {
    id: i64,
}

/// Misbehaves at the guilty row.
#[step]
#[expect(clippy::unnecessary_wraps, reason = "the form of a step")]
fn misbehave(row: Row) -> Result<()> {
    if row.id == GUILTY {
        assert!(grow(PAGES), "the memory did not grow by 3 GiB");
    }
    Ok(())
}

#[cfg(target_arch = "wasm32")]
fn grow(pages: usize) -> bool {
    std::arch::wasm32::memory_grow::<0>(pages) != usize::MAX
}

#[cfg(not(target_arch = "wasm32"))]
fn grow(pages: usize) -> bool {
    pages == 0
}
