//! Spans: pieces of work of one thread.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// The kind of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SpanKind {
    /// A component is compiled, or built from its folder.
    Prepare,
    /// An input is read.
    Read,
    /// A batch passes the steps of a stage.
    Batch,
    /// Rows are decoded, or encoded for a sink.
    Convert,
    /// A function of a step is called.
    Call,
    /// The thread, or the guest that it runs, waits.
    Wait,
    /// Outputs or checkpoints are written.
    Write,
    /// A request to a model, with its repetitions. It is not among the open spans, and its thread does other work at the same time.
    Model,
}

impl SpanKind {
    /// Returns the name in events and traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Read => "read",
            Self::Batch => "batch",
            Self::Convert => "convert",
            Self::Call => "call",
            Self::Wait => "wait",
            Self::Write => "write",
            Self::Model => "model",
        }
    }
}

/// A piece of work of one thread. Spans of a thread contain each other or are apart.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Span {
    /// The number of the span, which no other span of the process has, from 1.
    pub id: u64,
    /// The number of the call that a request to a model belongs to. `None` for other spans.
    pub parent: Option<u64>,
    /// The request to a model. `None` for other spans.
    pub model: Option<Arc<ModelRequestSpan>>,
    /// The name of the thread.
    pub thread: Arc<str>,
    /// The number of the thread, which no other thread of the process has.
    pub thread_number: u64,
    /// The kind of work.
    pub kind: SpanKind,
    /// The work: the name of a function of the contract, or some words such as "an answer of the model writer".
    pub name: Cow<'static, str>,
    /// The step.
    pub step: Option<Arc<str>>,
    /// The number of the batch.
    pub batch: Option<u64>,
    /// The number of rows.
    pub rows: Option<u64>,
    /// When the work began.
    pub started: Instant,
}

/// A request to a model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ModelRequestSpan {
    /// The name of the model in the pipeline.
    pub name: String,
    /// The operation: `chat`, `text_completion` or `embeddings`.
    pub operation: &'static str,
    /// The host of the server.
    pub server: String,
    /// The port of the server.
    pub port: u16,
    /// The model that was asked for.
    pub model: String,
    /// The model that has answered, as the server names it. Empty if it is not known.
    pub response_model: String,
    /// The reason of the end of the answer.
    pub finish_reason: Option<&'static str>,
    /// Tokens of the request, with those of corrections.
    pub input_tokens: u64,
    /// Tokens of the answer, with those of corrections.
    pub output_tokens: u64,
    /// Whether there is no answer.
    pub error: bool,
}

impl Span {
    /// Creates a span of this thread that begins now.
    pub(crate) fn new(kind: SpanKind, name: impl Into<Cow<'static, str>>) -> Self {
        let (thread_number, thread) = THREAD.with(|(number, name)| (*number, Arc::clone(name)));
        let name = name.into();
        let id = NEXT_SPAN.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let (parent, model, step, batch, rows) = (None, None, None, None, None);
        Self { id, parent, model, thread, thread_number, kind, name, step, batch, rows, started }
    }

    /// Sets the step.
    #[must_use]
    pub(crate) fn step(mut self, step: Option<&Arc<str>>) -> Self {
        self.step = step.cloned();
        self
    }

    /// Sets the number of the batch.
    #[must_use]
    pub(crate) fn batch(mut self, batch: impl Into<Option<u64>>) -> Self {
        self.batch = batch.into();
        self
    }

    /// Sets the number of rows.
    #[must_use]
    pub(crate) fn rows(mut self, rows: impl Into<Option<u64>>) -> Self {
        self.rows = rows.into();
        self
    }
}

static NEXT_SPAN: AtomicU64 = AtomicU64::new(1);
static NEXT_THREAD: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The number and the name of this thread.
    static THREAD: (u64, Arc<str>) = {
        let name = thread::current().name().unwrap_or("unnamed").into();
        (NEXT_THREAD.fetch_add(1, Ordering::Relaxed), name)
    };
}
