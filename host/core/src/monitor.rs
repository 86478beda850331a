//! The work of the threads of a run: spans that begin and end, and snapshots of those that are open.
//!
//! A thread opens a span for each piece of work: a batch, a call of a step, a wait. A snapshot groups the open spans by thread. The
//! stack of a guest that computes is captured by its own thread, in the callback of the epoch; a guest that waits in a function
//! of the host leaves its stack when the wait begins.

mod call;
mod open;
mod output;
mod snapshot;
mod span;
#[cfg(test)]
mod tests;
mod thread_spans;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) use call::CallMonitor;
pub(crate) use open::{Libraries, Symbolizer};
pub use output::{GuestMessage, GuestStream};
pub use snapshot::{Snapshot, ThreadActivity, Wait};
pub use span::{ModelRequestSpan, Span, SpanKind};
pub(crate) use thread_spans::SpanGuard;

use output::OutputListener;
use thread_spans::{ThreadSpans, Threads};

/// The time in which guests give their stacks. One that computes does so at its next loop or call.
const PATIENCE: Duration = Duration::from_millis(100);

/// The same for a sample of a profile, of which the next one comes soon.
const SAMPLE_PATIENCE: Duration = Duration::from_millis(5);

/// Knows how long the process was stopped.
pub(crate) trait Pauses: Send + Sync {
    /// Returns the time so far, as far as it is known without a look at the clock.
    fn known(&self) -> Duration;

    /// Returns the time so far.
    fn total(&self) -> Duration;
}

impl Shared {
    /// Returns the pauses before a span that begins now.
    fn known_pauses(&self) -> Duration {
        self.pauses.get().map_or(Duration::ZERO, |pauses| pauses.known())
    }

    /// Returns the pauses until now.
    fn total_pauses(&self) -> Duration {
        self.pauses.get().map_or(Duration::ZERO, |pauses| pauses.total())
    }
}

type SpanListener = Box<dyn Fn(&Span, Duration) + Send + Sync>;

/// Shows what runs do at a moment. It is given to runs by [`RunOptions::monitor`](crate::RunOptions::monitor); clones are the
/// same monitor.
///
/// ```
/// use stillbox::{Monitor, RunOptions};
///
/// let monitor = Monitor::new();
/// let options = RunOptions::new().monitor(&monitor);
/// // On another thread, while the run lasts:
/// for activity in monitor.snapshot().threads {
///     println!("{}: {:?}", activity.thread, activity.backtrace);
/// }
/// ```
#[derive(Clone, Default)]
pub struct Monitor {
    state: Arc<MonitorState>,
}

#[derive(Default)]
struct MonitorState {
    threads: Threads,
    shared: Arc<Shared>,
}

/// The part of a monitor that its threads use.
#[derive(Default)]
struct Shared {
    /// The number of snapshots so far.
    asked: AtomicU64,
    /// The clock that knows how long the process was stopped. `None` before a run.
    pauses: OnceLock<Arc<dyn Pauses>>,
    listener: Option<SpanListener>,
    /// Receives what guests log and write.
    output: OnceLock<OutputListener>,
}

impl Monitor {
    /// Creates a monitor of no runs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a monitor that also calls a function with each span at its end, and its duration, for traces. It is called on the
    /// thread of the span, which waits for it.
    pub fn with_listener(listener: impl Fn(&Span, Duration) + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared { listener: Some(Box::new(listener)), ..Shared::default() });
        Self { state: Arc::new(MonitorState { threads: Threads::default(), shared }) }
    }

    /// Returns what each thread does at this moment, with the stacks of the guests. Nothing is stopped.
    ///
    /// It takes some milliseconds, and at most 0.1 s to wait for guests that are in one long instruction or in a function of the
    /// host; these are returned without a stack. The first snapshot of a component also reads its debug information.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_within(PATIENCE)
    }

    /// As [`snapshot`](Self::snapshot), but guests have this time to give their stacks.
    pub fn snapshot_within(&self, patience: Duration) -> Snapshot {
        snapshot::take(self, Libraries::Folded, patience)
    }

    /// As [`snapshot`](Self::snapshot), for profiles: stacks have the frames of libraries one by one, and guests have 5 ms to give
    /// them.
    pub fn sample(&self) -> Snapshot {
        snapshot::take(self, Libraries::Listed, SAMPLE_PATIENCE)
    }

    /// Returns the spans that have begun and not ended, in the order in which they began.
    pub fn open_spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = self.state.threads.open().into_iter().map(|open| open.span).collect();
        // Those of one thread that began at the same time keep their order.
        spans.sort_by_key(|span| span.started);
        spans
    }

    /// Sets the clock whose pauses do not count in snapshots. Only that of the first run counts.
    pub(crate) fn set_pauses(&self, pauses: Arc<dyn Pauses>) {
        let _ = self.state.shared.pauses.set(pauses);
    }

    /// Begins a span of this thread. It ends when the guard is dropped.
    pub(crate) fn begin(&self, span: Span) -> SpanGuard {
        self.thread().begin(span, None, None)
    }

    /// Returns the list of this thread's open spans.
    fn thread(&self) -> Arc<ThreadSpans> {
        self.state.threads.own(&self.state.shared)
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("open", &self.state.threads.open().len()).finish_non_exhaustive()
    }
}
