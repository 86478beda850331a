//! The panic hook: a panic that Stillbox catches is reported once, as a failure.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};

use stillbox::panic_is_caught;
use stillbox::text::escape_controls;

/// Sends the message of a panic that is caught to the log, since the failure reports it: its place, and with
/// `RUST_BACKTRACE` the stack. Other panics are printed as usual.
pub(crate) fn set_hook() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |panic| if panic_is_caught() { log(panic) } else { default(panic) }));
}

fn log(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let message = panic.payload_as_str().unwrap_or("a panic without a message");
    tracing::debug!("panicked at {place}: {}", escape_controls(message));
    if tracing::enabled!(tracing::Level::TRACE) {
        let stack = Backtrace::capture();
        if stack.status() == BacktraceStatus::Captured {
            tracing::trace!("{stack}");
        }
    }
}
