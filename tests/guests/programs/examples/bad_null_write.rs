//! Writes to the null pointer, which is a valid address in WebAssembly, and reports the value at it.

use stillbox_sdk::{Input, Result, step};
use stillbox_test_programs::GUILTY;

#[derive(Input)]
struct Row {
    id: i64,
}

/// Misbehaves at the guilty row.
#[step]
#[expect(clippy::unnecessary_wraps, reason = "the form of a step")]
#[expect(unsafe_code, reason = "the test needs an unsafe write")]
fn misbehave(row: Row) -> Result<()> {
    if row.id == GUILTY {
        let address = std::hint::black_box(std::ptr::null_mut::<u8>());
        // SAFETY: this is not safe. The test checks that the sandbox contains it.
        let found = unsafe {
            address.write_volatile(42);
            address.read_volatile()
        };
        panic!("the null pointer leads to {found}");
    }
    Ok(())
}
