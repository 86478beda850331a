//! Reads past the end of its memory.

use stillbox_sdk::{Input, Result, step};
use stillbox_test_programs::GUILTY;

#[derive(Input)]
struct Row {
    id: i64,
}

/// Misbehaves at the guilty row.
#[step]
#[expect(clippy::unnecessary_wraps, reason = "the form of a step")]
#[expect(unsafe_code, reason = "the test needs an unsafe read")]
fn misbehave(row: Row) -> Result<()> {
    if row.id == GUILTY {
        let address = std::hint::black_box(0xffff_fff0_usize as *const u8);
        // SAFETY: this is not safe. The test checks that the sandbox contains it.
        std::hint::black_box(unsafe { address.read_volatile() });
    }
    Ok(())
}
