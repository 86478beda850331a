//! Windows has no signal handlers. Traps of guests are exceptions there, for which several libraries can have handlers.

/// The handlers of traps at some time, which never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TrapHandlers;

impl TrapHandlers {
    /// Returns the handlers of now.
    pub(crate) fn now() -> Self {
        Self
    }
}

/// Does nothing.
pub(crate) fn note_python_handler() {}

/// Returns 0: interrupts are not counted, so only a call on Python's main thread notices Ctrl-C.
pub(crate) fn count_interrupts() -> u64 {
    interrupts()
}

/// Returns 0.
pub(crate) fn interrupts() -> u64 {
    0
}
