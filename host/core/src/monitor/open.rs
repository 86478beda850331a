//! Spans that have begun and not ended, and the guests of calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use wasmtime::{EngineWeak, WasmBacktrace};

use super::Span;
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

/// An open span.
#[derive(Clone)]
pub(super) struct OpenSpan {
    /// Unique in the list of its thread.
    pub(super) number: u64,
    pub(super) span: Span,
    /// How long the process had been stopped when it began.
    pub(super) paused_before: Duration,
    /// The guest of a call.
    pub(super) guest: Option<Arc<Guest>>,
    /// The stack of the guest whose wait this is.
    pub(super) stack: Option<Arc<CapturedStack>>,
}

impl OpenSpan {
    /// Returns the time since its begin, without pauses of the process, which was stopped for `paused` in all.
    pub(super) fn elapsed(&self, paused: Duration) -> Duration {
        self.span.started.elapsed().saturating_sub(paused.saturating_sub(self.paused_before))
    }
}

/// The guest that a call runs.
pub(super) struct Guest {
    engine: EngineWeak,
    symbolizer: Arc<dyn Symbolizer>,
    /// Whether it is suspended in a function of the host that is not done.
    is_suspended: AtomicBool,
    /// Whether its own code runs, and not the host's around it.
    is_running: AtomicBool,
    /// The number of the last snapshot that it has given its stack for.
    answered: AtomicU64,
    stack: Mutex<Option<Arc<CapturedStack>>>,
}

impl Guest {
    pub(super) fn new(engine: EngineWeak, symbolizer: Arc<dyn Symbolizer>) -> Self {
        Self {
            engine,
            symbolizer,
            is_suspended: AtomicBool::new(false),
            is_running: AtomicBool::new(false),
            answered: AtomicU64::new(0),
            stack: Mutex::default(),
        }
    }

    /// Makes a guest that computes give its stack.
    pub(super) fn ask(&self) {
        if let Some(engine) = self.engine.upgrade() {
            engine.increment_epoch();
        }
    }

    /// Gives the stack to a snapshot.
    pub(super) fn give(&self, snapshot: u64, backtrace: WasmBacktrace) {
        *self.stack.lock() = Some(self.captured(backtrace));
        self.answered.store(snapshot, Ordering::Release);
    }

    /// Returns a stack of the guest with what looks up its symbols.
    pub(super) fn captured(&self, backtrace: WasmBacktrace) -> Arc<CapturedStack> {
        Arc::new(CapturedStack { backtrace, symbolizer: Arc::clone(&self.symbolizer) })
    }

    /// Sets whether its own code runs.
    pub(super) fn set_running(&self, is_running: bool) {
        self.is_running.store(is_running, Ordering::Release);
    }

    /// Sets whether it is suspended in a function of the host.
    pub(super) fn set_suspended(&self, is_suspended: bool) {
        self.is_suspended.store(is_suspended, Ordering::Release);
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
