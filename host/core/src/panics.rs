//! Panics of Stillbox itself, and of libraries on hostile input: each is caught and reported as a failure.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

thread_local! {
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` and catches a panic. Meanwhile [`panic_is_caught`] returns true on this thread.
///
/// # Errors
/// The value of the panic.
pub fn caught<R>(work: impl FnOnce() -> R) -> thread::Result<R> {
    let before = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(before);
    result
}

/// Returns whether a panic of this thread would be caught now, and reported as a [`Failure`](crate::Failure) or in
/// another way: for the panic hook of a program, which then need not report it.
pub fn panic_is_caught() -> bool {
    CAUGHT.get()
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;

    use super::*;

    #[test]
    fn a_thread_knows_whether_its_panics_are_caught() {
        assert!(!panic_is_caught());
        let outer = caught(|| {
            // A panic that was caught inside does not change what holds outside.
            let inner = caught::<u8>(|| resume_unwind(Box::new("in vain")));
            assert!(inner.is_err());
            let elsewhere = thread::scope(|scope| scope.spawn(panic_is_caught).join().expect("it does not panic"));
            (panic_is_caught(), elsewhere)
        });
        assert_eq!(outer.expect("it does not panic"), (true, false));
        assert!(!panic_is_caught());
    }
}
