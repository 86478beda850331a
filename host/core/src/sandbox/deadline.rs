//! The watchdog: increments the epoch when a deadline passes.
//!
//! One thread for all instances sleeps until the earliest deadline. It increments the epoch of the whole engine; each
//! store then checks its own deadline. Deadlines are times of the [`RunningClock`], for which the thread also wakes once
//! in a while.
//!
//! The locks are those of the standard library: a thread that waits for one of `parking_lot` is in a list of the whole process,
//! which would lead into the memory of a thread that does not exist in a process that was forked meanwhile.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wasmtime::EngineWeak;

use super::RunningClock;
use super::clock::TICK;
use crate::engine::CallDeadline;

/// Time for a guest to notice its deadline before it is interrupted again.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// Watches the deadlines of one engine's instances. Its thread ends with it.
pub(crate) struct Watchdog {
    shared: Arc<WatchdogState>,
}

struct WatchdogState {
    clock: Arc<RunningClock>,
    deadlines: Mutex<Deadlines>,
    changed: Condvar,
}

#[derive(Default)]
struct Deadlines {
    /// Sorted by time, and a number that makes equal times distinct. There are about as many as threads.
    pending: Vec<(Instant, u64)>,
    next_number: u64,
    /// The next deadline that the thread waits for; `None` while it waits for a notification.
    next: Option<Instant>,
    /// Whether guests are interrupted repeatedly, whatever their deadlines.
    ending: bool,
    closed: bool,
}

/// A deadline that is watched until this is dropped.
pub(crate) struct WatchedDeadline<'a> {
    shared: &'a WatchdogState,
    key: (Instant, u64),
}

impl Watchdog {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system starts no more threads.
    pub(crate) fn new(engine: EngineWeak) -> io::Result<Self> {
        let shared =
            Arc::new(WatchdogState { clock: Arc::default(), deadlines: Mutex::default(), changed: Condvar::new() });
        std::thread::Builder::new().name("watchdog".into()).spawn({
            let shared = Arc::clone(&shared);
            move || watch(&shared, &engine)
        })?;
        Ok(Self { shared })
    }

    /// Returns the time for deadlines, which does not pass while the process is stopped.
    pub(crate) fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// Returns the time of [`now`](Self::now) at an instant that has just passed.
    pub(super) fn at(&self, instant: Instant) -> Instant {
        self.shared.clock.at(instant)
    }

    /// Returns the clock of [`now`](Self::now).
    pub(super) fn clock(&self) -> Arc<RunningClock> {
        Arc::clone(&self.shared.clock)
    }

    /// Waits until a deadline has passed. It is watched until `watched` is dropped, so that a guest that still computes is interrupted again.
    pub(super) async fn passed<'a>(&'a self, deadline: &CallDeadline, watched: &mut WatchedDeadline<'a>) {
        loop {
            let Some(at) = deadline.get() else {
                // It moves, while the guest waits and cannot use any time.
                tokio::time::sleep(TICK).await;
                continue;
            };
            if at != watched.key.0 {
                *watched = self.watch(at);
            }
            let left = at.saturating_duration_since(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    /// Increments the epoch at this deadline, unless the returned value is dropped before.
    pub(crate) fn watch(&self, deadline: Instant) -> WatchedDeadline<'_> {
        let mut deadlines = self.shared.lock();
        let key = (deadline, deadlines.next_number);
        deadlines.next_number += 1;
        // Most are later than all others.
        let place = deadlines.pending.partition_point(|pending| *pending < key);
        deadlines.pending.insert(place, key);
        // Most batches end long before their deadline: the thread is only notified of one that is earlier than the one
        // it waits for.
        if deadlines.next.is_none_or(|next| deadline < next) {
            deadlines.next = Some(deadline);
            self.shared.changed.notify_one();
        }
        WatchedDeadline { shared: &self.shared, key }
    }

    /// From now on increments the epoch repeatedly as long as there are calls.
    pub(crate) fn see_out(&self) {
        self.shared.lock().ending = true;
        self.shared.changed.notify_one();
    }
}

impl Drop for WatchedDeadline<'_> {
    fn drop(&mut self) {
        let mut deadlines = self.shared.lock();
        if let Ok(place) = deadlines.pending.binary_search(&self.key) {
            deadlines.pending.remove(place);
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        // The thread is not joined: it frees its memory after stopped guests that still run.
        self.shared.changed.notify_one();
    }
}

impl WatchdogState {
    fn lock(&self) -> MutexGuard<'_, Deadlines> {
        self.deadlines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn watch(shared: &WatchdogState, engine: &EngineWeak) {
    let mut deadlines = shared.lock();
    while !deadlines.closed {
        let now = shared.clock.now();
        let first = deadlines.pending.first().map(|(deadline, _)| *deadline);
        let ask = first.is_some_and(|deadline| deadlines.ending || deadline <= now);
        if ask {
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
        }
        // A call whose deadline has passed stays here until it has ended, and its guest is interrupted again: one that
        // was checking its deadline just then may count the next from the incremented epoch.
        deadlines.next = if ask { Some(now + ASK_AGAIN) } else { first };
        deadlines = match deadlines.next {
            None => {
                shared.clock.idle();
                shared.changed.wait(deadlines).unwrap_or_else(PoisonError::into_inner)
            }
            Some(next) => {
                let time = shared.clock.plan(next).saturating_duration_since(Instant::now());
                shared.changed.wait_timeout(deadlines, time).unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}
