//! Snapshots: the work of every thread at a moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::open::{Guest, Libraries, OpenSpan};
use super::{Monitor, SpanKind};
use crate::stack::Frame;
use crate::units::{is_zero, seconds};

/// How often the guests are looked at, and interrupted again: one that was checking the epoch just then has counted its next
/// check from the new one.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// The most threads in a snapshot. A machine has fewer; on a cluster there is one for each task.
const MAX_THREADS: usize = 256;

/// The name of a function of the host that the monitor knows nothing about.
pub(super) const HOST_FUNCTION: &str = "a function of the host, for a file or a stream";

/// The work of the threads of a run at a moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// The threads with work, at most 256. Threads that wait for work are left out.
    pub threads: Vec<ThreadActivity>,
    /// The number of threads with work that are left out.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub omitted: u64,
}

/// The work of one thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ThreadActivity {
    /// The name of the thread.
    pub thread: Arc<str>,
    /// The kind of the work.
    pub kind: SpanKind,
    /// The work: the name of a function of the contract, such as `process`, or some words.
    pub activity: String,
    /// The step.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub step: Option<Arc<str>>,
    /// The number of the batch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub batch: Option<u64>,
    /// The number of rows of the batch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rows: Option<u64>,
    /// Time since the work began, without pauses of the process; in seconds when serialized.
    #[serde(with = "seconds")]
    pub elapsed: Duration,
    /// The wait of the work. `None` if it does not wait.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub waits_for: Option<Wait>,
    /// The stack of the guest, the innermost frame first. Empty if the thread calls none, or if the guest did not give it in time.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub backtrace: Vec<Frame>,
}

/// The wait of a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Wait {
    /// The awaited result in some words, such as "an answer of the model writer".
    pub what: String,
    /// Time since the wait began; in seconds when serialized. Zero if it is not known.
    #[serde(with = "seconds")]
    pub elapsed: Duration,
}

/// Takes a snapshot.
pub(super) fn take(monitor: &Monitor, libraries: Libraries, patience: Duration) -> Snapshot {
    let number = monitor.state.shared.asked.fetch_add(1, Ordering::AcqRel) + 1;
    let asked = Instant::now();
    let mut open = monitor.state.threads.open();
    if libraries == Libraries::Listed {
        open.iter().filter_map(|span| span.guest.as_ref()).for_each(|guest| guest.excuse(number));
    }
    open.iter().filter_map(|span| span.guest.as_deref()).for_each(Guest::ask);
    while open.iter().any(|span| is_silent(span, number)) && asked.elapsed() < patience {
        thread::sleep(LOOK_AGAIN);
        // Those that have ended meanwhile are left out, and those that began are included.
        open = monitor.state.threads.open();
        open.iter()
            .filter(|span| is_silent(span, number))
            .filter_map(|span| span.guest.as_deref())
            .for_each(Guest::ask);
    }
    let mut threads: BTreeMap<u64, Vec<OpenSpan>> = BTreeMap::new();
    for span in open {
        threads.entry(span.span.thread_number).or_default().push(span);
    }
    let omitted = threads.len().saturating_sub(MAX_THREADS) as u64;
    let paused = monitor.state.shared.total_pauses();
    let threads = threads.into_values().take(MAX_THREADS);
    let threads = threads.map(|spans| activity(&spans, paused, number, libraries)).collect();
    Snapshot { threads, omitted }
}

/// Returns whether the guest of a span computes and has not given its stack.
fn is_silent(span: &OpenSpan, snapshot: u64) -> bool {
    span.guest.as_ref().is_some_and(|guest| !guest.is_suspended() && !guest.has_answered(snapshot))
}

/// Returns what a thread with these spans does, of which each is within the one before.
fn activity(spans: &[OpenSpan], paused: Duration, snapshot: u64, libraries: Libraries) -> ThreadActivity {
    let last = spans.last().expect("a thread is listed with its spans");
    let main = spans.iter().rev().find(|open| open.span.kind != SpanKind::Wait).unwrap_or(last);
    let wait = (last.span.kind == SpanKind::Wait).then_some(last);
    let guest = main.guest.as_deref();
    let waits_for = match wait {
        Some(wait) => Some(Wait { what: wait.span.name.clone().into_owned(), elapsed: wait.elapsed(paused) }),
        None if guest.is_some_and(Guest::is_suspended) => {
            Some(Wait { what: HOST_FUNCTION.to_owned(), elapsed: Duration::ZERO })
        }
        None => None,
    };
    let stack = wait.and_then(|wait| wait.stack.clone()).or_else(|| guest?.answer(snapshot));
    let known = |open: &&OpenSpan| open.span.batch.is_some();
    ThreadActivity {
        thread: Arc::clone(&main.span.thread),
        kind: main.span.kind,
        activity: main.span.name.clone().into_owned(),
        step: last.span.step.clone().or_else(|| main.span.step.clone()),
        batch: spans.iter().rev().find(known).and_then(|open| open.span.batch),
        rows: spans.iter().rev().find_map(|open| open.span.rows),
        elapsed: main.elapsed(paused),
        waits_for,
        backtrace: stack.map_or_else(Vec::new, |stack| stack.frames(libraries)),
    }
}
