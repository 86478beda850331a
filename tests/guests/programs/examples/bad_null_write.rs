//! Writes to the null pointer, which is an address like any other here, and tells what is there then.

use stillbox_sdk::{Input, Result, step};
use stillbox_test_programs::GUILTY;

#[derive(Input)]
struct Row {
    id: i64,
}

/// Misbehaves at the guilty row.
#[step]
#[expect(clippy::unnecessary_wraps, reason = "the form of a step")]
#[expect(unsafe_code, reason = "unsafe is what is tested")]
fn misbehave(row: Row) -> Result<()> {
    if row.id == GUILTY {
        let address = std::hint::black_box(std::ptr::null_mut::<u8>());
        // SAFETY: there is none; the sandbox is what is tested.
        let found = unsafe {
            address.write_volatile(42);
            address.read_volatile()
        };
        panic!("the null pointer leads to {found}");
    }
    Ok(())
}
