//! The open spans of one thread.
//!
//! Each thread that works for a monitor has a list of its own, so that threads do not wait for each other. Only snapshots take the lock of
//! another thread's list.

use std::cell::RefCell;
use std::ptr;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::open::{CapturedStack, Guest, OpenSpan};
use super::{Shared, Span};

/// The list of one thread and one monitor.
pub(super) struct ThreadSpans {
    pub(super) shared: Arc<Shared>,
    open: Mutex<OpenSpans>,
}

#[derive(Default)]
struct OpenSpans {
    next: u64,
    /// A span comes after the one that it is within.
    spans: Vec<OpenSpan>,
}

/// The lists of all threads. Those of threads that have ended are removed when another thread adds its own.
#[derive(Default)]
pub(super) struct Threads(Mutex<Vec<Arc<ThreadSpans>>>);

thread_local! {
    /// The lists of this thread, by the address of what their monitor shares. A list keeps that alive, so no other monitor has the
    /// same address as long as the list exists.
    static OWN: RefCell<Vec<(*const Shared, Weak<ThreadSpans>)>> = const { RefCell::new(Vec::new()) };
}

impl Threads {
    /// Returns the list of this thread.
    pub(super) fn own(&self, shared: &Arc<Shared>) -> Arc<ThreadSpans> {
        let is_of = |address: *const Shared| ptr::eq(address, Arc::as_ptr(shared));
        let known = OWN.with_borrow(|own| own.iter().find(|(address, _)| is_of(*address))?.1.upgrade());
        known.unwrap_or_else(|| self.add(shared))
    }

    fn add(&self, shared: &Arc<Shared>) -> Arc<ThreadSpans> {
        let added = Arc::new(ThreadSpans { shared: Arc::clone(shared), open: Mutex::default() });
        OWN.with_borrow_mut(|own| {
            own.retain(|(_, list)| list.strong_count() > 0);
            own.push((Arc::as_ptr(shared), Arc::downgrade(&added)));
        });
        let mut all = self.0.lock();
        // The thread of a list refers to it weakly until it ends, and a guard strongly.
        all.retain(|list| Arc::weak_count(list) > 0 || Arc::strong_count(list) > 1);
        all.push(Arc::clone(&added));
        added
    }

    /// Returns copies of the open spans, those of a thread in the order in which they began.
    pub(super) fn open(&self) -> Vec<OpenSpan> {
        let lists = self.0.lock().clone();
        lists.iter().flat_map(|list| list.open.lock().spans.clone()).collect()
    }

    /// Returns the number of the lists.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.lock().len()
    }
}

impl ThreadSpans {
    /// Adds a span of this thread.
    pub(super) fn begin(
        self: Arc<Self>,
        span: Span,
        guest: Option<Arc<Guest>>,
        stack: Option<Arc<CapturedStack>>,
    ) -> SpanGuard {
        let mut open = self.open.lock();
        let number = open.next;
        open.next += 1;
        let paused_before = self.shared.known_pauses();
        open.spans.push(OpenSpan { number, span, paused_before, guest, stack });
        drop(open);
        SpanGuard { thread: self, number }
    }

    fn end(&self, number: u64) {
        if let Some(listener) = &self.shared.listener
            && let Some(span) = self.span(number)
        {
            // First, so that a span is open until the listener knows its end; and without the lock, which the listener may wait for.
            listener(&span, span.started.elapsed());
        }
        let mut open = self.open.lock();
        if let Some(index) = open.spans.iter().rposition(|open| open.number == number) {
            open.spans.remove(index);
        }
    }

    /// Returns an open span.
    pub(super) fn span(&self, number: u64) -> Option<Span> {
        let open = self.open.lock();
        open.spans.iter().rfind(|open| open.number == number).map(|open| open.span.clone())
    }
}

/// Ends its span when it is dropped.
#[must_use]
pub(crate) struct SpanGuard {
    thread: Arc<ThreadSpans>,
    number: u64,
}

impl SpanGuard {
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for SpanGuard {
    fn drop(&mut self) {
        self.thread.end(self.number);
    }
}
