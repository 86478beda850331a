//! Reports panics to the host, with the row that the step was processing.

use std::any::Any;
use std::cell::Cell;

thread_local! {
    static ROW: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Sets the row that the step is processing.
#[inline]
pub(crate) fn set_row(row: usize) {
    ROW.set(Some(row as u32));
}

/// Returns the row that the step is processing.
pub(crate) fn row() -> Option<u32> {
    ROW.get()
}

/// Clears the row: the step is not processing one.
pub(crate) fn clear_row() {
    ROW.set(None);
}

/// Installs a panic hook that reports to the host. It replaces the default hook, which writes to standard error.
#[cfg(target_arch = "wasm32")]
pub(crate) fn report_panics() {
    use crate::contract::stillbox::step::panic::report;

    std::panic::set_hook(Box::new(|info| {
        let location = info.location().map(crate::error::location);
        report(crate::log::cut(message(info.payload())), location.as_ref(), ROW.get());
    }));
}

/// Takes the place of the function of WASI's C library with this name, which `std::process::exit` calls and which does not
/// tell the host the status.
#[expect(
    unsafe_code,
    reason = "`no_mangle` is unsafe; the function has the name, type and meaning that ISO C gives it"
)]
#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
#[unsafe(no_mangle)]
extern "C" fn _Exit(status: i32) -> ! {
    crate::contract::stillbox::step::panic::exit(status, ROW.get());
    std::arch::wasm32::unreachable()
}

/// Returns the message of a panic. Its payload is a text, except for `panic_any`.
#[cfg_attr(not(any(test, target_arch = "wasm32")), expect(dead_code, reason = "only a component reports panics"))]
fn message(payload: &dyn Any) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "the panic payload is not a text"
    }
}

#[cfg(test)]
mod tests {
    use super::message;

    #[test]
    fn the_message_of_a_panic_is_its_payload_if_that_is_a_text() {
        assert_eq!(message(&"borrowed"), "borrowed");
        assert_eq!(message(&String::from("owned")), "owned");
        assert_eq!(message(&7_i32), "the panic payload is not a text");
    }
}
