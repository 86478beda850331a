//! The watchdog: increments the epoch when a deadline passes.
//!
//! One thread for all instances sleeps until the earliest deadline. It increments the epoch of the whole engine; each
//! store then checks its own deadline. Nothing ticks in between.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use wasmtime::EngineWeak;

/// Time for a guest to notice its deadline before it is interrupted again.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// Watches the deadlines of one engine's instances. Its thread ends with it.
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
}

struct Shared {
    deadlines: Mutex<Deadlines>,
    changed: Condvar,
}

#[derive(Default)]
struct Deadlines {
    /// By time, and a number that makes equal times distinct.
    pending: BTreeSet<(Instant, u64)>,
    next_number: u64,
    /// When the thread wakes by itself; `None` while it waits for a notification.
    wakes: Option<Instant>,
    /// Whether guests are interrupted repeatedly, whatever their deadlines.
    ending: bool,
    closed: bool,
}

/// A deadline that is watched until this is dropped.
pub(crate) struct Watched<'a> {
    shared: &'a Shared,
    key: (Instant, u64),
}

impl Watchdog {
    pub(crate) fn new(engine: EngineWeak) -> Self {
        let shared = Arc::new(Shared { deadlines: Mutex::default(), changed: Condvar::new() });
        let thread = std::thread::Builder::new().name("watchdog".into()).spawn({
            let shared = Arc::clone(&shared);
            move || watch(&shared, &engine)
        });
        // Without the thread no deadline holds; a system that cannot start one cannot run the pipeline either.
        thread.expect("the system can start a thread");
        Self { shared }
    }

    /// Increments the epoch at this deadline, unless the returned value is dropped before.
    pub(crate) fn watch(&self, deadline: Instant) -> Watched<'_> {
        let mut deadlines = self.shared.lock();
        let key = (deadline, deadlines.next_number);
        deadlines.next_number += 1;
        deadlines.pending.insert(key);
        // Most batches end long before their deadline: the thread is only notified of one that is earlier than its
        // next wake-up.
        if deadlines.wakes.is_none_or(|wakes| deadline < wakes) {
            deadlines.wakes = Some(deadline);
            self.shared.changed.notify_one();
        }
        Watched { shared: &self.shared, key }
    }

    /// From now on increments the epoch repeatedly as long as there are calls.
    pub(crate) fn see_out(&self) {
        self.shared.lock().ending = true;
        self.shared.changed.notify_one();
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.shared.lock().pending.remove(&self.key);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        // The thread is not joined: it frees its memory after stopped guests that still run.
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Deadlines> {
        self.deadlines.lock()
    }
}

fn watch(shared: &Shared, engine: &EngineWeak) {
    let mut deadlines = shared.lock();
    while !deadlines.closed {
        let now = Instant::now();
        let first = deadlines.pending.first().map(|(deadline, _)| *deadline);
        let ask = first.is_some_and(|deadline| deadlines.ending || deadline <= now);
        if ask {
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
        }
        // A call whose deadline has passed stays here until it has ended, and its guest is interrupted again: one that
        // was checking its deadline just then may count the next from the incremented epoch.
        deadlines.wakes = if ask { Some(now + ASK_AGAIN) } else { first };
        match deadlines.wakes {
            None => shared.changed.wait(&mut deadlines),
            Some(wakes) => {
                shared.changed.wait_until(&mut deadlines, wakes);
            }
        }
    }
}
