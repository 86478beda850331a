//! The watchdog: raises the epoch when a deadline passes.
//!
//! One thread for all instances, asleep until the earliest deadline. It raises the epoch of the whole engine; each
//! store then looks at its own deadline. Nothing ticks while all is well.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use wasmtime::EngineWeak;

/// How long a guest whose deadline has passed may take to notice before it is asked again.
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
    /// By time, and a number that tells equal times apart.
    pending: BTreeSet<(Instant, u64)>,
    next_number: u64,
    /// When the thread wakes by itself; none while it has nothing to wait for.
    wakes: Option<Instant>,
    /// Whether guests are asked again and again, whatever their deadlines.
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
        // Without a thread no deadline is kept; a system that can't start one can't run the pipeline either.
        thread.expect("the system can start a thread");
        Self { shared }
    }

    /// Raises the epoch at this deadline, unless the answer is dropped before.
    pub(crate) fn watch(&self, deadline: Instant) -> Watched<'_> {
        let mut deadlines = self.shared.lock();
        let key = (deadline, deadlines.next_number);
        deadlines.next_number += 1;
        deadlines.pending.insert(key);
        // Most batches end long before their deadline: the thread is only woken for one that is due before it would
        // wake anyway.
        if deadlines.wakes.is_none_or(|wakes| deadline < wakes) {
            deadlines.wakes = Some(deadline);
            self.shared.changed.notify_one();
        }
        Watched { shared: &self.shared, key }
    }

    /// From now on raises the epoch again and again for as long as calls are being made.
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
        // The thread is not waited for: it gives its memory back behind guests that were stopped and are still there.
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
        // A call whose deadline has passed stays here until it has ended, and its guest is asked again: one that was
        // looking at its deadline just then may count the next from the epoch that was raised for it.
        deadlines.wakes = if ask { Some(now + ASK_AGAIN) } else { first };
        match deadlines.wakes {
            None => shared.changed.wait(&mut deadlines),
            Some(wakes) => {
                shared.changed.wait_until(&mut deadlines, wakes);
            }
        }
    }
}
