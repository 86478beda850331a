//! Panics of Stillbox itself, and of libraries that it hands what may be hostile: each is caught, and told as a failure.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

thread_local! {
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Does work, or returns what it panics with, for a failure. Until then [`panic_is_caught`] holds on this thread.
pub(crate) fn caught<R>(work: impl FnOnce() -> R) -> thread::Result<R> {
    let before = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(before);
    result
}

/// Whether a panic of this thread would be caught now, and told as a [`Failure`](crate::Failure) or in another way: for the
/// panic hook of a program, which need not tell it as well.
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
            // What is caught inside says nothing of what comes after it.
            let inner = caught::<u8>(|| resume_unwind(Box::new("in vain")));
            assert!(inner.is_err());
            let elsewhere = thread::scope(|scope| scope.spawn(panic_is_caught).join().expect("it does not panic"));
            (panic_is_caught(), elsewhere)
        });
        assert_eq!(outer.expect("it does not panic"), (true, false));
        assert!(!panic_is_caught());
    }
}
