//! The row that the step works at, and its last words when it panics there.

use std::any::Any;
use std::cell::Cell;

thread_local! {
    static ROW: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Remembers the row that the step works at from now on.
#[inline]
pub(crate) fn at_row(row: usize) {
    ROW.set(Some(row as u32));
}

/// Forgets the row: what comes next is about none.
pub(crate) fn at_no_row() {
    ROW.set(None);
}

/// Has panics reported to the host. The standard library's own hook, which writes to standard error, is replaced.
#[cfg(target_arch = "wasm32")]
pub(crate) fn report_panics() {
    use crate::contract::stillbox::step::panic::report;

    std::panic::set_hook(Box::new(|info| {
        let location = info.location().map(crate::error::location);
        report(message(info.payload()), location.as_ref(), ROW.get());
    }));
}

/// What a panic says. Its payload is a text, unless `panic_any` was called.
#[cfg_attr(not(any(test, target_arch = "wasm32")), expect(dead_code, reason = "only a component reports panics"))]
fn message(payload: &dyn Any) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "the panic carries a value that is not text"
    }
}

#[cfg(test)]
mod tests {
    use super::message;

    #[test]
    fn texts_are_passed_on_and_other_payloads_are_said_to_be_none() {
        assert_eq!(message(&"borrowed"), "borrowed");
        assert_eq!(message(&String::from("owned")), "owned");
        assert_eq!(message(&7_i32), "the panic carries a value that is not text");
    }
}
