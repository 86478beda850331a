//! Panics several calls down, in a closure.

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
        outer(&[row.id]);
    }
    Ok(())
}

#[inline(never)]
fn outer(ids: &[i64]) {
    let call = |id: &i64| inner(*id);
    for id in ids {
        call(id);
    }
}

#[inline(never)]
fn inner(id: i64) {
    let nothing: Option<i64> = std::hint::black_box(None);
    nothing.unwrap_or_else(|| panic!("nothing for the id {id}"));
}
