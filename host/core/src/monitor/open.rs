//! Spans that have begun and not ended.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use wasmtime::{EngineWeak, WasmBacktrace};

use super::{Monitor, Span, SpanKind};
use crate::stack::Frame;

/// How consecutive frames of libraries are returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Libraries {
    /// As one frame with their number.
    Folded,
    /// One by one.
    Listed,
}

/// Looks up the symbols of a component.
pub(crate) trait Symbolizer: Send + Sync {
    /// Returns the frames of a stack, the innermost first, with bounds on their number and size.
    fn frames(&self, backtrace: &WasmBacktrace, libraries: Libraries) -> Vec<Frame>;
}

/// A captured stack of a guest. Its symbols are only looked up if it is shown.
pub(super) struct CapturedStack {
    backtrace: WasmBacktrace,
    symbolizer: Arc<dyn Symbolizer>,
}

impl CapturedStack {
    pub(super) fn frames(&self, libraries: Libraries) -> Vec<Frame> {
        self.symbolizer.frames(&self.backtrace, libraries)
    }
}

/// An open span, shared by its thread and by snapshots.
pub(super) struct OpenSpan {
    pub(super) span: Span,
    /// The guest of a call.
    pub(super) guest: Option<Guest>,
    /// The stack of the guest whose wait this is.
    pub(super) stack: Option<Arc<CapturedStack>>,
}

/// The guest that a call runs.
pub(super) struct Guest {
    engine: EngineWeak,
    /// Whether it is suspended in a function of the host that is not done.
    is_suspended: AtomicBool,
    /// Whether its own code runs, and not the host's around it.
    is_running: AtomicBool,
    /// The number of the last snapshot that it has given its stack for.
    answered: AtomicU64,
    stack: Mutex<Option<Arc<CapturedStack>>>,
}

impl Guest {
    /// Makes a guest that computes give its stack.
    pub(super) fn ask(&self) {
        if let Some(engine) = self.engine.upgrade() {
            engine.increment_epoch();
        }
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.is_suspended.load(Ordering::Acquire)
    }

    /// Leaves the guest out of a snapshot if its own code does not run now. It would give its stack later, when it runs again,
    /// and a profile would have too many samples there.
    pub(super) fn excuse(&self, snapshot: u64) {
        if !self.is_running.load(Ordering::Acquire) {
            *self.stack.lock() = None;
            self.answered.store(snapshot, Ordering::Release);
        }
    }

    /// Returns whether the guest has given its stack for a snapshot, or is left out.
    pub(super) fn has_answered(&self, snapshot: u64) -> bool {
        self.answered.load(Ordering::Acquire) >= snapshot
    }

    /// Returns the stack that the guest has given for a snapshot.
    pub(super) fn answer(&self, snapshot: u64) -> Option<Arc<CapturedStack>> {
        if self.has_answered(snapshot) { self.stack.lock().clone() } else { None }
    }
}

impl OpenSpan {
    pub(super) fn new(span: Span) -> Self {
        Self { span, guest: None, stack: None }
    }
}

/// Ends its span when it is dropped.
#[must_use]
pub(crate) struct SpanGuard {
    pub(super) monitor: Monitor,
    pub(super) number: u64,
    pub(super) open: Arc<OpenSpan>,
}

impl Drop for SpanGuard {
    fn drop(&mut self) {
        self.monitor.end(self.number, &self.open);
    }
}

/// The call of a guest, for the host's side of its instance. Clones are the same call.
#[derive(Clone)]
pub(crate) struct CallMonitor {
    monitor: Monitor,
    open: Arc<OpenSpan>,
    symbolizer: Arc<dyn Symbolizer>,
}

impl Monitor {
    /// Begins a span in which a guest of this engine is called.
    pub(crate) fn begin_call(
        &self,
        span: Span,
        engine: EngineWeak,
        symbolizer: Arc<dyn Symbolizer>,
    ) -> (SpanGuard, CallMonitor) {
        let guest = Guest {
            engine,
            is_suspended: AtomicBool::new(false),
            is_running: AtomicBool::new(false),
            answered: AtomicU64::new(0),
            stack: Mutex::default(),
        };
        let guard = self.add(OpenSpan { span, guest: Some(guest), stack: None });
        let call = CallMonitor { monitor: self.clone(), open: Arc::clone(&guard.open), symbolizer };
        (guard, call)
    }
}

impl CallMonitor {
    /// Returns the number of a snapshot that waits for the stack of the guest.
    pub(crate) fn wanted(&self) -> Option<u64> {
        let asked = self.monitor.state.asked.load(Ordering::Acquire);
        let answered = self.open.guest.as_ref()?.answered.load(Ordering::Acquire);
        (asked > answered).then_some(asked)
    }

    /// Gives the stack of the guest to a snapshot.
    pub(crate) fn give(&self, snapshot: u64, backtrace: WasmBacktrace) {
        if let Some(guest) = &self.open.guest {
            *guest.stack.lock() = Some(self.stack(backtrace));
            guest.answered.store(snapshot, Ordering::Release);
        }
    }

    /// Sets whether the guest's own code runs.
    pub(crate) fn set_running(&self, is_running: bool) {
        if let Some(guest) = &self.open.guest {
            guest.is_running.store(is_running, Ordering::Release);
        }
    }

    /// Sets whether the guest is suspended in a function of the host.
    pub(crate) fn set_suspended(&self, is_suspended: bool) {
        if let Some(guest) = &self.open.guest {
            guest.is_suspended.store(is_suspended, Ordering::Release);
        }
    }

    /// Begins a wait of the guest.
    pub(crate) fn wait(&self, what: impl Into<Cow<'static, str>>, backtrace: WasmBacktrace) -> SpanGuard {
        let Span { step, batch, rows, .. } = &self.open.span;
        let span = Span::new(SpanKind::Wait, what).step(step.as_ref()).batch(*batch).rows(*rows);
        self.monitor.add(OpenSpan { span, guest: None, stack: Some(self.stack(backtrace)) })
    }

    fn stack(&self, backtrace: WasmBacktrace) -> Arc<CapturedStack> {
        Arc::new(CapturedStack { backtrace, symbolizer: Arc::clone(&self.symbolizer) })
    }
}

impl fmt::Debug for CallMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallMonitor").field("span", &self.open.span).finish_non_exhaustive()
    }
}
