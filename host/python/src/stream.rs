//! The rows of a sink, batch by batch, while the pipeline runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

use arrow_array::RecordBatch;
use parking_lot::Mutex;
use pyo3::prelude::*;
use stillbox::{Report, RunError, RunOptions};

use crate::arrow::Batches;
use crate::engine;
use crate::errors;
use crate::waiting::{Cancellation, SignalWatch, receive, spawn};

/// Batches that wait for Python. The run waits when there are more.
const WAITING: usize = 2;

enum Message {
    Batch(RecordBatch),
    End(Result<Box<Report>, RunError>),
}

/// An iterator over batches.
#[pyclass(frozen, module = "stillbox._stillbox")]
pub(crate) struct Stream {
    messages: Mutex<Receiver<Message>>,
    cancellation: Cancellation,
    has_ended: AtomicBool,
    /// The report as JSON, once the run has ended.
    report: Mutex<Option<String>>,
}

impl Stream {
    /// Starts the run on a thread of its own.
    pub(crate) fn start(
        pipeline: stillbox::Pipeline,
        options: RunOptions,
        sink: &str,
        cancellation: Cancellation,
    ) -> PyResult<Self> {
        let current = engine::current()?;
        let (sender, messages) = sync_channel(WAITING);
        let batches: SyncSender<Message> = sender.clone();
        let options = options.sink(sink, move |batch| batches.send(Message::Batch(batch)).map_err(|_| CLOSED.into()));
        spawn(move || {
            let result = pipeline.run(&current.engine, &options);
            engine::note_handlers(&current);
            // The receiver is gone if the iterator was closed.
            let _ = sender.send(Message::End(result.map(Box::new)));
        })?;
        let (messages, has_ended) = (Mutex::new(messages), AtomicBool::new(false));
        Ok(Self { messages, cancellation, has_ended, report: Mutex::default() })
    }
}

/// The error of a sink whose reader does not need more rows.
const CLOSED: &str = "the iterator was closed";

#[pymethods]
impl Stream {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Batches>> {
        let watch = SignalWatch::start(py)?;
        loop {
            match receive(py, &self.messages) {
                Ok(Message::Batch(batch)) => return Ok(Some(Batches::new(batch.schema(), vec![batch]))),
                Ok(Message::End(Ok(report))) => {
                    *self.report.lock() = Some(errors::json(&*report)?);
                    return Ok(None);
                }
                Ok(Message::End(Err(error))) => return Err(errors::run(py, &error)),
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(error) = watch.check(py) {
                        self.abandon(py);
                        return Err(error);
                    }
                }
                // It has ended before.
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }

    /// The report as JSON; `None` before the end.
    #[getter]
    fn report(&self) -> Option<String> {
        self.report.lock().clone()
    }

    /// Stops the run if it has not ended, and waits for its end.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.cancellation.interrupt.cancel();
        let watch = SignalWatch::start(py)?;
        while !self.ends(py) {
            if let Err(error) = watch.check(py) {
                self.abandon(py);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Stream {
    /// Stops the run, and waits a short time for its end.
    fn abandon(&self, py: Python<'_>) {
        self.cancellation.cancel(|| self.ends(py));
        self.has_ended.store(true, Ordering::Relaxed);
    }

    /// Waits for the next message for a short time. Returns whether the run has ended.
    fn ends(&self, py: Python<'_>) -> bool {
        self.has_ended.load(Ordering::Relaxed)
            || matches!(receive(py, &self.messages), Ok(Message::End(_)) | Err(RecvTimeoutError::Disconnected))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.cancellation.interrupt.cancel();
    }
}
