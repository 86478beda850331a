//! A clock that stops while the process is stopped, so that a batch is not blamed for a pause of the process: a `SIGSTOP`,
//! a frozen container, a paused virtual machine. The system's clock already stops while the machine sleeps.
//!
//! The watchdog plans when it wakes next. If that time has passed for long, no thread of the process ran in between, and
//! the time does not count.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::monitor::Pauses;

/// The longest time between two wake-ups of the watchdog while calls run.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// A wake-up may be this late on a busy machine. Shorter pauses of the process count as running time.
const SLACK: Duration = Duration::from_millis(200);

/// Measures the time that the process has run, as an instant that lags behind by the length of all pauses.
#[derive(Debug, Default)]
pub(crate) struct RunningClock {
    state: Mutex<ClockState>,
    /// The length of all pauses in nanoseconds, which is read without the lock.
    paused: AtomicU64,
}

#[derive(Debug, Default)]
struct ClockState {
    paused: Duration,
    /// When the watchdog wakes next. `None` while it need not wake.
    wakes: Option<Instant>,
}

impl RunningClock {
    /// Returns the time, without the pauses.
    pub(crate) fn now(&self) -> Instant {
        self.at(Instant::now())
    }

    /// Returns the time at an instant that has just passed.
    pub(super) fn at(&self, now: Instant) -> Instant {
        let mut state = self.state.lock();
        // Any thread may be the first to run after a pause.
        let late = state.wakes.map_or(Duration::ZERO, |wakes| now.saturating_duration_since(wakes));
        if late > SLACK {
            state.paused += late;
            self.paused.store(state.paused.as_nanos() as u64, Ordering::Relaxed);
            state.wakes = Some(now + TICK);
        }
        now.checked_sub(state.paused).unwrap_or(now)
    }

    /// Notes when the watchdog wakes next, and returns it: at `deadline`, a time of this clock, or after a tick.
    pub(crate) fn plan(&self, deadline: Instant) -> Instant {
        let now = Instant::now();
        let mut state = self.state.lock();
        let wakes = (deadline + state.paused).clamp(now, now + TICK);
        state.wakes = Some(wakes);
        wakes
    }

    /// Notes that the watchdog does not wake by itself.
    pub(super) fn idle(&self) {
        self.state.lock().wakes = None;
    }
}

impl Pauses for RunningClock {
    fn known(&self) -> Duration {
        Duration::from_nanos(self.paused.load(Ordering::Relaxed))
    }

    fn total(&self) -> Duration {
        self.now();
        self.known()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_pause_does_not_count() {
        let clock = RunningClock::default();
        let start = Instant::now();
        let wakes = clock.plan(start + 1000 * MS);
        assert!(wakes <= Instant::now() + TICK);
        // One thread notices the pause, and the others do not count it again.
        assert_eq!(clock.at(wakes + 5000 * MS), wakes);
        assert_eq!(clock.at(wakes + 5010 * MS), wakes + 10 * MS);
    }

    #[test]
    fn a_late_wake_up_on_a_busy_machine_counts() {
        let clock = RunningClock::default();
        let wakes = clock.plan(Instant::now());
        assert_eq!(clock.at(wakes + 150 * MS), wakes + 150 * MS);
    }

    #[test]
    fn time_without_calls_counts() {
        let clock = RunningClock::default();
        clock.plan(Instant::now());
        clock.idle();
        let later = Instant::now() + 5000 * MS;
        assert_eq!(clock.at(later), later);
    }
}
