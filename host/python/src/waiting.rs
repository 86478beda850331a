//! Waiting without the GIL, so that other threads of Python run, and so that Ctrl-C is noticed.
//!
//! Python runs handlers of signals on the main thread only, and only when that asks for them. A call on another thread ends
//! with the main thread's `KeyboardInterrupt`. An exception that was set for a thread is raised there when it executes Python
//! code.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use stillbox::{CleanupRegistry, Interrupt};

use crate::signals;

/// The interval at which a waiting thread looks for signals.
pub(crate) const INTERVAL: Duration = Duration::from_millis(20);
/// The time for cancelled work to end. It is left alone after that: it may wait for a file that never answers.
const PATIENCE: Duration = Duration::from_millis(50);

/// Looks for signals during one call.
pub(crate) struct SignalWatch {
    /// The number of interrupts before the call, if it is not on the main thread.
    before: Option<u64>,
    checked: Instant,
}

impl SignalWatch {
    /// Starts to watch on this thread.
    pub(crate) fn start(py: Python<'_>) -> PyResult<Self> {
        let before = if is_main_thread(py)? { None } else { Some(signals::count_interrupts()) };
        Ok(Self { before, checked: Instant::now() })
    }

    /// Does the same as [`check`](Self::check) if the last time is long enough ago.
    ///
    /// # Errors
    /// See [`check`](Self::check).
    pub(crate) fn check_at_intervals(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.checked.elapsed() >= INTERVAL {
            self.checked = Instant::now();
            self.check(py)?;
        }
        Ok(())
    }

    /// Runs handlers of signals that have arrived.
    ///
    /// # Errors
    /// The exception of a handler, such as `KeyboardInterrupt`, or one that was set for this thread.
    pub(crate) fn check(&self, py: Python<'_>) -> PyResult<()> {
        static NOTHING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        py.check_signals()?;
        let nothing = NOTHING.get_or_try_init(py, || py.eval(c"lambda: None", None, None).map(Bound::unbind))?;
        nothing.call0(py)?;
        match self.before {
            // Another handler does not raise the exception on the main thread either.
            Some(before) if signals::interrupts() != before && raises_interrupt(py)? => {
                Err(PyKeyboardInterrupt::new_err(()))
            }
            _ => Ok(()),
        }
    }
}

/// Handlers of asyncio and of notebooks, which cancel the task that waits for a thread.
const CANCELLING: [&str; 2] = ["Runner._on_sigint", "IPythonKernel._cancel_on_sigint.<locals>.handle_sigint"];

/// Whether the handler of SIGINT ends what the program does: Python's own, or one that cancels the current task.
fn raises_interrupt(py: Python<'_>) -> PyResult<bool> {
    let module = py.import("signal")?;
    let handler = module.call_method1("getsignal", (module.getattr("SIGINT")?,))?;
    if handler.is(&module.getattr("default_int_handler")?) {
        return Ok(true);
    }
    // It may be a `functools.partial`.
    let function = handler.getattr_opt("func")?.unwrap_or(handler);
    let name = function.getattr_opt("__qualname__")?.and_then(|name| name.extract::<String>().ok());
    Ok(name.is_some_and(|name| CANCELLING.contains(&name.as_str())))
}

fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    static IDENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static MAIN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let ident = IDENT.get_or_try_init(py, || py.import("_thread")?.getattr("get_ident").map(Bound::unbind))?;
    // It is another one after a fork.
    let main = MAIN.get_or_try_init(py, || py.import("threading")?.getattr("main_thread").map(Bound::unbind))?;
    Ok(ident.call0(py)?.extract::<u64>(py)? == main.call0(py)?.getattr(py, "ident")?.extract::<u64>(py)?)
}

/// The exception that has interrupted a call, if any.
#[derive(Clone, Default)]
pub(crate) struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    /// Returns the interrupt of one call of a step. It is triggered by an exception of a signal handler.
    pub(crate) fn interrupt(&self, py: Python<'_>) -> PyResult<Interrupt> {
        let (raised, watch) = (self.clone(), SignalWatch::start(py)?);
        Ok(Interrupt::with_poll(move || {
            Python::attach(|py| match watch.check(py) {
                Ok(()) => false,
                Err(error) => {
                    *raised.0.lock() = Some(error);
                    true
                }
            })
        }))
    }

    pub(crate) fn take(&self) -> Option<PyErr> {
        self.0.lock().take()
    }
}

/// Cancels work of another thread. The default is never triggered.
#[derive(Clone, Default)]
pub(crate) struct Cancellation {
    pub(crate) interrupt: Interrupt,
    /// The temporary files of the work.
    pub(crate) cleanup: CleanupRegistry,
}

impl Cancellation {
    /// Cancels the work, and waits a short time for its end. If it has not ended by then, its files are removed.
    pub(crate) fn cancel(&self, mut has_ended: impl FnMut() -> bool) {
        self.interrupt.cancel();
        let begun = Instant::now();
        while !has_ended() {
            if begun.elapsed() >= PATIENCE {
                self.cleanup.remove();
                return;
            }
        }
    }
}

/// Runs `work` on another thread and waits for it. An exception of a signal handler cancels it, and is returned
/// once the work has ended, or after a short time.
///
/// # Errors
/// The exception of a signal handler; or there is no thread.
pub(crate) fn on_thread<T: Send + 'static>(
    py: Python<'_>,
    cancellation: &Cancellation,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    let watch = SignalWatch::start(py)?;
    let (sender, answers) = channel();
    spawn(move || {
        let _ = sender.send(work());
    })?;
    let answers = Mutex::new(answers);
    loop {
        match receive(py, &answers) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = watch.check(py) {
                    cancellation.cancel(|| !matches!(receive(py, &answers), Err(RecvTimeoutError::Timeout)));
                    return Err(error);
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("a thread of Stillbox panicked; this is a bug in Stillbox"));
            }
        }
    }
}

/// Starts a thread that nobody joins.
///
/// # Errors
/// There is no thread.
pub(crate) fn spawn(work: impl FnOnce() + Send + 'static) -> PyResult<()> {
    let spawned = thread::Builder::new().name("stillbox".into()).spawn(work);
    spawned.map(drop).map_err(|error| PyRuntimeError::new_err(format!("a thread cannot be started: {error}")))
}

/// Waits for a message for a short time.
pub(crate) fn receive<T: Send>(py: Python<'_>, receiver: &Mutex<Receiver<T>>) -> Result<T, RecvTimeoutError> {
    py.detach(|| receiver.lock().recv_timeout(INTERVAL))
}
