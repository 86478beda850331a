//! The panic hook: a panic that Stillbox catches is reported once, as a failure.

use std::backtrace::Backtrace;
use std::env;
use std::panic::{self, PanicHookInfo};

use stillbox::panic_is_caught;
use stillbox::text::escape_controls;

/// Address space that has to be free before a stack is read and printed, far more than that takes.
const MEMORY_OF_A_STACK: usize = 512 << 20;

/// Sends the message of a panic that is caught to the log, since the failure reports it: its place, and with
/// `RUST_BACKTRACE` the stack. Other panics are printed as usual.
///
/// Has to be called before the process has a second thread.
pub(crate) fn set_hook() {
    let has_stack = takes_over_backtraces();
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if panic_is_caught() {
            log(panic, has_stack);
        } else {
            default(panic);
            if let Some(stack) = stack(has_stack) {
                eprintln!("{stack}");
            }
        }
    }));
}

/// Returns whether `RUST_BACKTRACE` is set, and removes it.
///
/// With the variable, the standard library reads the stack under a lock both for a panic and for a failed allocation. If
/// memory for the first stack is short, the second waits for the lock forever.
#[expect(unsafe_code, reason = "no stable function turns off backtraces of failed allocations")]
fn takes_over_backtraces() -> bool {
    let is_set = env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    for name in ["RUST_BACKTRACE", "RUST_LIB_BACKTRACE"] {
        // SAFETY: the process has one thread, so no other reads the environment.
        unsafe { env::remove_var(name) };
    }
    is_set
}

/// Reads the stack if it is asked for and memory is not short.
fn stack(is_asked_for: bool) -> Option<Backtrace> {
    let has_memory = || Vec::<u8>::new().try_reserve_exact(MEMORY_OF_A_STACK).is_ok();
    (is_asked_for && has_memory()).then(Backtrace::force_capture)
}

fn log(panic: &PanicHookInfo<'_>, has_stack: bool) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let message = panic.payload_as_str().unwrap_or("a panic without a message");
    tracing::debug!("panicked at {place}: {}", escape_controls(message));
    if tracing::enabled!(tracing::Level::TRACE)
        && let Some(stack) = stack(has_stack)
    {
        tracing::trace!("{stack}");
    }
}
