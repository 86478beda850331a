//! Calls of guests.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use wasmtime::{EngineWeak, WasmBacktrace};

use super::open::{Guest, Symbolizer};
use super::output::{GuestMessage, GuestStream};
use super::thread_spans::{SpanGuard, ThreadSpans};
use super::{ModelRequestSpan, Monitor, Span, SpanKind};

/// The call of a guest, for the host's side of its instance. Clones are the same call.
#[derive(Clone)]
pub(crate) struct CallMonitor {
    thread: Arc<ThreadSpans>,
    /// The number of the span.
    number: u64,
    guest: Arc<Guest>,
}

impl Monitor {
    /// Begins a span in which a guest of this engine is called.
    pub(crate) fn begin_call(
        &self,
        span: Span,
        engine: EngineWeak,
        symbolizer: Arc<dyn Symbolizer>,
    ) -> (SpanGuard, CallMonitor) {
        let (thread, guest) = (self.thread(), Arc::new(Guest::new(engine, symbolizer)));
        let guard = Arc::clone(&thread).begin(span, Some(Arc::clone(&guest)), None);
        let number = guard.number();
        (guard, CallMonitor { thread, number, guest })
    }
}

impl CallMonitor {
    /// Returns the number of a snapshot that waits for the stack of the guest.
    pub(crate) fn wanted(&self) -> Option<u64> {
        let asked = self.thread.shared.asked.load(Ordering::Acquire);
        (!self.guest.has_answered(asked)).then_some(asked)
    }

    /// Gives the stack of the guest to a snapshot.
    pub(crate) fn give(&self, snapshot: u64, backtrace: WasmBacktrace) {
        self.guest.give(snapshot, backtrace);
    }

    /// Sets whether the guest's own code runs.
    pub(crate) fn set_running(&self, is_running: bool) {
        self.guest.set_running(is_running);
    }

    /// Sets whether the guest is suspended in a function of the host.
    pub(crate) fn set_suspended(&self, is_suspended: bool) {
        self.guest.set_suspended(is_suspended);
    }

    /// Returns whether anything follows the spans.
    pub(crate) fn is_followed(&self) -> bool {
        self.thread.shared.listener.is_some()
    }

    /// Reports a request to a model that has ended.
    pub(crate) fn model_request(&self, started: Instant, request: ModelRequestSpan) {
        let Some(listener) = &self.thread.shared.listener else { return };
        let mut span = Span { started, model: Some(Arc::new(request)), ..Span::new(SpanKind::Model, "request") };
        if let Some(call) = self.thread.span(self.number) {
            span = Span { parent: Some(call.id), step: call.step, batch: call.batch, ..span };
        }
        listener(&span, started.elapsed());
    }

    /// Returns whether anything follows the output of guests.
    pub(crate) fn is_output_followed(&self) -> bool {
        self.thread.shared.output.get().is_some()
    }

    /// Passes on a text of the guest, during its call.
    pub(crate) fn output(&self, stream: GuestStream, text: &str) {
        let Some(listener) = self.thread.shared.output.get() else { return };
        let span = self.thread.span(self.number);
        let (step, batch) = span.map(|span| (span.step, span.batch)).unwrap_or_default();
        listener(&GuestMessage { step: step.as_deref(), batch, stream, text });
    }

    /// Begins a wait of the guest.
    pub(crate) fn wait(&self, what: impl Into<Cow<'static, str>>, backtrace: WasmBacktrace) -> SpanGuard {
        let mut span = Span::new(SpanKind::Wait, what);
        if let Some(Span { step, batch, rows, .. }) = self.thread.span(self.number) {
            span = Span { step, batch, rows, ..span };
        }
        Arc::clone(&self.thread).begin(span, None, Some(self.guest.captured(backtrace)))
    }
}

impl fmt::Debug for CallMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallMonitor").field("span", &self.thread.span(self.number)).finish_non_exhaustive()
    }
}
