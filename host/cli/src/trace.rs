//! Traces of a run for Perfetto and Chrome: a track for each thread, a slice for each span.
//!
//! The file is written while the run lasts, and is valid JSON after each write, because every write ends with the end of the document,
//! which the next one replaces. So a run that is killed leaves a trace up to its last second.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use stillbox::text::escape_controls_in_json;
use stillbox::{Monitor, Span, SpanKind};

/// The bytes that are buffered before they are written.
const BUFFER: usize = 64 << 10;

/// The time after which the buffer is written, even if it is not full.
const WRITE_EVERY: Duration = Duration::from_secs(1);

const BEGIN: &[u8] = b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
const END: &[u8] = b"\n]}\n";

/// The trace of one run. Lives as long as the run.
#[derive(Clone)]
pub(crate) struct Trace {
    path: PathBuf,
    file: Arc<Mutex<TraceFile>>,
}

impl Trace {
    /// Creates a trace. The file is created when the first slices are written.
    pub(crate) fn new(path: &Path, pipeline: &str) -> Self {
        Self { path: path.to_owned(), file: Arc::new(Mutex::new(TraceFile::new(path, pipeline))) }
    }

    /// The receiver of spans that end.
    pub(crate) fn observer(&self) -> impl Fn(&Span, Duration) + Send + Sync + 'static {
        let file = Arc::clone(&self.file);
        // Requests to models are at the same time as other slices of their thread.
        move |span, duration| {
            if span.kind != SpanKind::Model {
                file.lock().add(span, duration);
            }
        }
    }

    /// The run starts. Before, nothing is written, so that a run that is rejected leaves an earlier trace as it is.
    pub(crate) fn start(&self) {
        self.file.lock().is_started = true;
    }

    /// Writes the rest, with the spans that have not ended.
    ///
    /// # Errors
    /// The trace cannot be written, or could not at an earlier time.
    pub(crate) fn finish(&self, monitor: &Monitor) -> anyhow::Result<()> {
        let mut file = self.file.lock();
        if !file.is_started {
            file.is_finished = true;
            return Ok(());
        }
        // One moment for all, so that none ends after the one around it. Those that are about to end wait for the lock, and are
        // among the open ones.
        let now = Instant::now();
        for span in &monitor.open_spans() {
            file.add(span, now.saturating_duration_since(span.started));
        }
        file.write();
        file.is_finished = true;
        file.error.take().map_or(Ok(()), |error| {
            let what = format!("cannot write the trace to {}", self.path.display());
            Err(anyhow::Error::new(error).context(what))
        })
    }
}

struct TraceFile {
    path: PathBuf,
    /// `None` before the first write.
    file: Option<File>,
    /// The bytes in the file, without the end of the document.
    written: u64,
    buffer: Vec<u8>,
    wrote: Instant,
    start: Instant,
    /// The threads that have a name in the trace.
    threads: HashSet<u64>,
    /// Whether the run has started, so that the file is replaced.
    is_started: bool,
    is_finished: bool,
    /// The first error. Nothing is written after it.
    error: Option<io::Error>,
}

impl TraceFile {
    fn new(path: &Path, pipeline: &str) -> Self {
        let now = Instant::now();
        let mut file = Self {
            path: path.to_owned(),
            file: None,
            written: 0,
            buffer: BEGIN.to_vec(),
            wrote: now,
            start: now,
            threads: HashSet::new(),
            is_started: false,
            is_finished: false,
            error: None,
        };
        file.push(&metadata("process_name", 0, &format!("stillbox {pipeline}")));
        file
    }

    /// Adds the slice of a span that has lasted for this time.
    fn add(&mut self, span: &Span, duration: Duration) {
        if self.is_finished {
            return;
        }
        if self.threads.insert(span.thread_number) {
            let event = metadata("thread_name", span.thread_number, &span.thread);
            self.push(&event);
        }
        let event = slice(span, span.started.saturating_duration_since(self.start), duration);
        self.push(&event);
        if self.is_started && (self.buffer.len() >= BUFFER || self.wrote.elapsed() >= WRITE_EVERY) {
            self.write();
        }
    }

    fn push(&mut self, event: &Value) {
        let is_first = self.written == 0 && self.buffer.len() == BEGIN.len();
        self.buffer.extend_from_slice(if is_first { b"" } else { b",\n" });
        self.buffer.extend_from_slice(escape_controls_in_json(&event.to_string()).as_bytes());
    }

    fn write(&mut self) {
        let end = self.buffer.len();
        if self.error.is_none() {
            self.buffer.extend_from_slice(END);
            if let Err(error) = self.try_write() {
                tracing::warn!("the trace is not complete: {error}");
                self.error = Some(error);
            }
        }
        self.written += end as u64;
        self.buffer.clear();
        self.wrote = Instant::now();
    }

    /// Writes the buffer over the end of the document.
    fn try_write(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::create(&self.path)?),
        };
        if self.written == 0 {
            return file.write_all(&self.buffer);
        }
        let written = write_at(file, &self.buffer, self.written);
        if written.is_err() {
            // The end that was there before still fits, so the document stays valid.
            file.set_len(self.written)?;
            write_at(file, END, self.written)?;
        }
        written
    }
}

fn write_at(file: &mut File, bytes: &[u8], position: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(position))?;
    file.write_all(bytes)
}

/// The name of the process, or of a thread.
fn metadata(kind: &str, thread: u64, name: &str) -> Value {
    json!({ "ph": "M", "name": kind, "pid": process::id(), "tid": thread, "args": { "name": name } })
}

fn slice(span: &Span, start: Duration, duration: Duration) -> Value {
    let name = match (span.kind, &span.step, span.batch) {
        (SpanKind::Call, Some(step), _) => step.to_string(),
        (SpanKind::Batch, _, Some(batch)) => format!("batch {batch}"),
        (SpanKind::Wait, ..) => format!("wait for {}", span.name),
        _ => span.name.clone().into_owned(),
    };
    let mut args = json!({});
    if span.kind == SpanKind::Call {
        args["function"] = (*span.name).into();
    }
    let known = [("batch", span.batch), ("rows", span.rows)].into_iter();
    for (key, value) in known.filter_map(|(key, value)| Some((key, value?))) {
        args[key] = value.into();
    }
    if let Some(step) = &span.step {
        args["step"] = (**step).into();
    }
    json!({
        "ph": "X", "name": name, "cat": span.kind.name(), "pid": process::id(), "tid": span.thread_number,
        "ts": microseconds(start), "dur": microseconds(duration), "args": args,
    })
}

/// The unit of traces, exact to the nanosecond.
fn microseconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}
