//! Clocks of an instance, recorded or replayed.

use std::time::{Duration, Instant, SystemTime};

use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

use super::{InstanceLog, MAX_READINGS, nanoseconds};

/// The values that one clock returned.
#[derive(Debug)]
pub(super) struct Readings<T> {
    values: Vec<T>,
    /// The number of values that the replay has returned.
    returned: usize,
    /// The time at which the replay returned the last value.
    ended: Option<T>,
}

/// A time of a clock.
pub(super) trait Reading: Copy {
    /// Returns this time, later by the time from `from` to `to`. The recorded time comes from a file and may be any number.
    fn later(self, to: Self, from: Self) -> Self;
}

impl Reading for Duration {
    fn later(self, to: Self, from: Self) -> Self {
        self.saturating_add(to.saturating_sub(from))
    }
}

impl Reading for u64 {
    fn later(self, to: Self, from: Self) -> Self {
        self.saturating_add(to.saturating_sub(from))
    }
}

impl<T> Default for Readings<T> {
    fn default() -> Self {
        Self { values: Vec::new(), returned: 0, ended: None }
    }
}

impl<T: Reading> Readings<T> {
    pub(super) fn replay(values: Vec<T>) -> Self {
        Self { values, ..Self::default() }
    }

    pub(super) fn values(&self) -> &[T] {
        &self.values
    }

    /// Returns the value to be given to the guest at this time. A replay returns the recorded values, and then continues from the last
    /// one at the speed of the clock.
    pub(super) fn next(&mut self, is_replay: bool, now: T) -> T {
        if !is_replay {
            if self.values.len() < MAX_READINGS {
                self.values.push(now);
            }
            return now;
        }
        if let Some(value) = self.values.get(self.returned) {
            self.returned += 1;
            self.ended = Some(now);
            return *value;
        }
        match (self.values.last(), self.ended) {
            (Some(last), Some(ended)) => last.later(now, ended),
            _ => now,
        }
    }
}

/// The wall clock of an instance.
pub(crate) struct WallLog(pub(crate) InstanceLog);

impl HostWallClock for WallLog {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.0.wall(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }
}

/// The monotonic clock of an instance, which starts with it.
pub(crate) struct MonotonicLog(pub(crate) InstanceLog, pub(crate) Instant);

impl HostMonotonicClock for MonotonicLog {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        self.0.monotonic(nanoseconds(self.1))
    }
}
