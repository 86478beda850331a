//! Panics again in the panic hook.

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
        std::panic::set_hook(Box::new(|_| panic!("in the hook")));
        panic!("the first");
    }
    Ok(())
}
