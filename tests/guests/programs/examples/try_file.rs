//! Tries to read a file, ignores the result, and panics at another row.

use stillbox_sdk::{Input, Result, step};
use stillbox_test_programs::GUILTY;

#[derive(Input)]
struct Row {
    id: i64,
}

/// Tries to read a file at the row 0, and panics at the guilty row.
#[step]
#[expect(clippy::unnecessary_wraps, reason = "the form of a step")]
fn try_file(row: Row) -> Result<()> {
    if row.id == 0 {
        let _ = std::fs::read("/etc/passwd");
    }
    assert!(row.id != GUILTY, "no rule for the id {}", row.id);
    Ok(())
}
