//! Tasks on other machines: the side of the run, and that of a worker. The transport is Python code.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use stillbox::remote::{Executor, ExecutorError, Job};

use crate::engine;
use crate::errors;
use crate::waiting::{Cancellation, on_thread};

/// An executor in Python, an object with these methods:
///
/// - `start(description: bytes, components: list[tuple[str, bytes]]) -> int`
/// - `submit(task: bytes) -> object`
/// - `result(handle: object) -> bytes | None`, which waits for at most 0.1 s
/// - `forget(handle: object) -> None`
/// - `end() -> None`
pub(crate) struct PythonExecutor {
    object: Py<PyAny>,
}

impl PythonExecutor {
    pub(crate) fn new(object: Py<PyAny>) -> Self {
        Self { object }
    }
}

impl Executor for PythonExecutor {
    fn start(&self, job: &Job) -> Result<usize, ExecutorError> {
        Python::attach(|py| {
            let components = job.components.iter();
            let components: Vec<_> =
                components.map(|component| (&*component.digest, PyBytes::new(py, &component.bytes))).collect();
            let arguments = (PyBytes::new(py, &job.description), components);
            self.object.call_method1(py, "start", arguments)?.extract(py)
        })
        .map_err(|raised| error(&raised))
    }

    fn run(&self, task: Vec<u8>, is_needed: &dyn Fn() -> bool) -> Result<Vec<u8>, ExecutorError> {
        let handle = Python::attach(|py| self.object.call_method1(py, "submit", (PyBytes::new(py, &task),)));
        let handle = handle.map_err(|raised| error(&raised))?;
        drop(task);
        while is_needed() {
            let answer = Python::attach(|py| {
                let answer = self.object.call_method1(py, "result", (&handle,))?;
                answer.extract::<Option<Vec<u8>>>(py)
            });
            if let Some(answer) = answer.map_err(|raised| error(&raised))? {
                return Ok(answer);
            }
        }
        Python::attach(|py| self.object.call_method1(py, "forget", (&handle,))).map_err(|raised| error(&raised))?;
        Err("the task is not needed any more".into())
    }

    fn end(&self) {
        // Workers that cannot be ended are ended with the job.
        let _ = Python::attach(|py| self.object.call_method0(py, "end"));
    }
}

/// An exception of the executor, with its message alone: the type is of no use to the user.
fn error(error: &PyErr) -> ExecutorError {
    let text = Python::attach(|py| error.value(py).str().map(|text| text.to_string()));
    text.unwrap_or_else(|_| error.to_string()).into()
}

/// Runs tasks of a run in another process.
#[pyclass(frozen, module = "stillbox._stillbox")]
pub(crate) struct Worker {
    /// `None` while a task runs.
    worker: Arc<Mutex<stillbox::Worker>>,
}

#[pymethods]
impl Worker {
    /// Loads the steps of a job from a folder with its components.
    #[new]
    fn new(py: Python<'_>, description: Vec<u8>, components: PathBuf) -> PyResult<Self> {
        let current = engine::current()?;
        let cancellation = Cancellation::default();
        let (call, interrupt) = (current.clone(), cancellation.interrupt.clone());
        let load = move || stillbox::Worker::new(&call.engine, &description, &components, &interrupt);
        let worker = on_thread(py, &cancellation, load)?;
        engine::note_handlers(&current);
        let worker = worker.map_err(|error| errors::run(py, &error))?;
        Ok(Self { worker: Arc::new(Mutex::new(worker)) })
    }

    /// Runs a task, and returns its answer. The process of a worker is ended to stop it.
    fn run<'py>(&self, py: Python<'py>, task: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let answer = py.detach(|| self.worker.lock().run(task));
        let answer = answer.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        Ok(PyBytes::new(py, &answer))
    }
}
