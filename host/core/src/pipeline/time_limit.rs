//! The time limit of a whole run.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::RunError;
use super::error::not_set_up;
use crate::event::{Event, Listener};
use crate::interrupt::{CancelReason, Interrupt};
use crate::sandbox::RunningClock;

/// Stands for "never" in arithmetic with instants.
const FAR_AWAY: Duration = Duration::from_hours(100 * 365 * 24);

/// Cancels a run when its time is over, unless this is dropped before. Time in which the process is stopped does not count.
pub(super) struct TimeLimit {
    shared: Arc<TimerState>,
}

#[derive(Default)]
struct TimerState {
    is_over: Mutex<bool>,
    changed: Condvar,
}

impl TimeLimit {
    /// Starts the time. Its end triggers the interrupt, and is reported to the listener.
    ///
    /// # Errors
    /// The system starts no more threads.
    pub(super) fn start(limit: Duration, interrupt: &Interrupt, on_event: Listener) -> Result<Self, RunError> {
        let shared = Arc::new(TimerState::default());
        let wait = {
            let (shared, interrupt) = (Arc::clone(&shared), interrupt.clone());
            move || {
                if shared.passes(limit) {
                    // The listener may wait for a reader that does not read, so the run is stopped first.
                    interrupt.trigger_with(CancelReason::TimeLimit(limit));
                    on_event(&Event::TimeLimit { limit });
                }
            }
        };
        thread::Builder::new().name("time-limit".into()).spawn(wait).map_err(|error| not_set_up(&error))?;
        Ok(Self { shared })
    }
}

impl Drop for TimeLimit {
    fn drop(&mut self) {
        *self.shared.is_over.lock() = true;
        // The thread is not joined: its listener may be blocked.
        self.shared.changed.notify_one();
    }
}

impl TimerState {
    /// Waits for this time. Returns `false` if the run ended before.
    fn passes(&self, limit: Duration) -> bool {
        let clock = RunningClock::default();
        let start = clock.now();
        let deadline = start.checked_add(limit).unwrap_or_else(|| start + FAR_AWAY);
        let mut is_over = self.is_over.lock();
        while !*is_over && clock.now() < deadline {
            let time = clock.plan(deadline).saturating_duration_since(Instant::now());
            self.changed.wait_for(&mut is_over, time);
        }
        !*is_over
    }
}
