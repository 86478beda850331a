//! How many pieces may be on the road at once.

use std::sync::{Condvar, Mutex, PoisonError};

/// A number of permits that are taken and given back.
pub(super) struct Permits {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    free: usize,
    closed: bool,
}

impl Permits {
    pub(super) fn new(count: usize) -> Self {
        Self { state: Mutex::new(State { free: count, closed: false }), changed: Condvar::new() }
    }

    /// Waits for a permit and takes it. False if there will be none, because the run ends.
    pub(super) fn take(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |state: &mut State| state.free == 0 && !state.closed;
        let mut state = self.changed.wait_while(state, waiting).unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return false;
        }
        state.free -= 1;
        true
    }

    /// Gives a permit back.
    pub(super) fn give(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).free += 1;
        self.changed.notify_one();
    }

    /// Whether there will be none any more.
    pub(super) fn are_closed(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed
    }

    /// Ends the waiting.
    pub(super) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changed.notify_all();
    }
}
