//! Reads the rows of Python objects on threads of their own. Python code may block there, and Ctrl-C does not wait for it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use arrow_array::ffi_stream::RecordBatchStreamReader;
use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use stillbox::Interrupt;

use crate::arrow::{Input, checked, value_error};
use crate::waiting::{INTERVAL, SignalWatch, receive};

/// Batches that are read ahead.
const AHEAD: usize = 1;
/// The time that the end of the process waits for threads that read. Those that wait for rows then stay until the process ends.
const END_PATIENCE: Duration = Duration::from_millis(200);

/// The threads that read.
static THREADS: AtomicUsize = AtomicUsize::new(0);
/// Whether Python ends. Up to version 3.13 it ends every thread that asks for the GIL after that, in the middle of a call, and with it
/// the process, because frames of Rust cannot be unwound so.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// Stops all reading before Python ends. It is registered with `atexit`.
#[pyfunction]
pub(crate) fn end_reading(py: Python<'_>) {
    IS_ENDING.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    py.detach(|| {
        while THREADS.load(Ordering::SeqCst) > 0 && begun.elapsed() < END_PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
    });
}

/// A thread that reads, until it is dropped.
struct ReadingThread;

impl ReadingThread {
    fn new() -> Self {
        THREADS.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for ReadingThread {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::SeqCst);
    }
}

type Batch = Result<RecordBatch, ArrowError>;

/// Reads all batches of a stream.
///
/// # Errors
/// The stream's own error, or the exception of a signal handler.
pub(crate) fn read_all(py: Python<'_>, stream: RecordBatchStreamReader) -> PyResult<Vec<RecordBatch>> {
    let mut watch = SignalWatch::start(py)?;
    let batches = Mutex::new(start(stream).map_err(|error| PyRuntimeError::new_err(error.to_string()))?);
    let mut all = Vec::new();
    loop {
        match receive(py, &batches) {
            Ok(batch) => all.push(batch.map_err(|error| value_error(&error))?),
            Err(RecvTimeoutError::Disconnected) => return Ok(all),
            Err(RecvTimeoutError::Timeout) => {}
        }
        // A stream without end never makes this wait.
        watch.check_at_intervals(py)?;
    }
}

/// Returns a reader of the batches. It ends with an error soon after the interrupt is triggered.
pub(crate) fn reader(input: Input, interrupt: &Interrupt) -> Box<dyn RecordBatchReader + Send> {
    match input {
        Input::Batch(batch) => {
            let schema = batch.schema();
            Box::new(RecordBatchIterator::new([Ok(batch)], schema))
        }
        Input::Stream(stream) => Box::new(DetachedReader::new(stream, interrupt)),
    }
}

/// A stream whose thread is left alone once the interrupt is triggered.
struct DetachedReader {
    schema: SchemaRef,
    interrupt: Interrupt,
    /// The stream before the first batch.
    stream: Option<RecordBatchStreamReader>,
    batches: Option<Receiver<Batch>>,
}

impl DetachedReader {
    fn new(stream: RecordBatchStreamReader, interrupt: &Interrupt) -> Self {
        Self { schema: stream.schema(), interrupt: interrupt.clone(), stream: Some(stream), batches: None }
    }
}

impl Iterator for DetachedReader {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if let Some(stream) = self.stream.take() {
            match start(stream) {
                Ok(batches) => self.batches = Some(batches),
                Err(error) => return Some(Err(error)),
            }
        }
        let batches = self.batches.as_ref()?;
        loop {
            match batches.recv_timeout(INTERVAL) {
                Ok(batch) => return Some(batch),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if self.interrupt.is_triggered() => {
                    return Some(Err(ArrowError::ExternalError("the call was interrupted".into())));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl RecordBatchReader for DetachedReader {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

/// Reads a stream on another thread, which ends with the stream or once the receiver is dropped.
fn start(stream: RecordBatchStreamReader) -> Result<Receiver<Batch>, ArrowError> {
    let (sender, batches) = sync_channel(AHEAD);
    let counted = ReadingThread::new();
    let read = move || {
        // Dropped after the stream, whose end may be Python code as well.
        let _counted = counted;
        forward(stream, &sender);
    };
    let spawned = thread::Builder::new().name("stillbox-reader".into()).spawn(read);
    spawned.map_err(|error| ArrowError::IoError("a thread cannot be started".to_owned(), error))?;
    Ok(batches)
}

fn forward(mut stream: RecordBatchStreamReader, batches: &SyncSender<Batch>) {
    loop {
        if IS_ENDING.load(Ordering::SeqCst) {
            let _ = batches.send(Err(ArrowError::ExternalError("Python is ending".into())));
            return;
        }
        // `None` at the end of the stream.
        let mut is_end = false;
        let batch = checked(|| {
            let next = stream.next();
            is_end = next.is_none();
            next.unwrap_or_else(|| Ok(RecordBatch::new_empty(stream.schema())))
        });
        let is_last = batch.is_err();
        if is_end || batches.send(batch).is_err() || is_last {
            return;
        }
    }
}
