//! Panics of Stillbox itself that are caught: they are told once, as failures.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{PanicHookInfo, set_hook, take_hook};

use stillbox::{escape_controls, panic_is_caught};

/// Leaves it to the failure to tell of a panic that is caught. Rust's own message goes to the log, with its place, and
/// where `RUST_BACKTRACE` asks for it with the stack; any other panic is told as ever.
pub(super) fn listen() {
    let others = take_hook();
    set_hook(Box::new(move |panic| if panic_is_caught() { log(panic) } else { others(panic) }));
}

fn log(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let words = panic.payload_as_str().unwrap_or("a panic without a message");
    tracing::debug!("panicked at {place}: {}", escape_controls(words));
    if tracing::enabled!(tracing::Level::TRACE) {
        let stack = Backtrace::capture();
        if stack.status() == BacktraceStatus::Captured {
            tracing::trace!("{stack}");
        }
    }
}
