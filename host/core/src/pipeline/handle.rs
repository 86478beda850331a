//! A run on a thread of its own.

use std::fmt;
use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::options::RunOptions;
use super::{Pipeline, RunError};
use crate::event::{EventQueue, Events};
use crate::interrupt::Interrupt;
use crate::monitor::{Monitor, Snapshot};
use crate::report::Report;
use crate::runtime::Engine;

/// A run that was started by [`Pipeline::start`]. Dropping it cancels the run and waits for its end.
///
/// ```no_run
/// use stillbox::{Engine, OwnedEvent, Pipeline, RunOptions};
///
/// let pipeline = Pipeline::from_file("examples/clean-text/pipeline.toml")?;
/// let run = pipeline.start(&Engine::default(), RunOptions::new())?;
/// for event in run.events() {
///     if let OwnedEvent::Progress { report, .. } = event {
///         println!("{} rows so far", report.rows_in);
///     }
/// }
/// let report = run.wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Run {
    interrupt: Interrupt,
    monitor: Monitor,
    events: Arc<EventQueue>,
    /// `None` once the run has been waited for.
    thread: Option<JoinHandle<Result<Report, RunError>>>,
}

impl Pipeline {
    /// Starts a run on a thread of its own.
    ///
    /// Its events go to the receivers of [`Run::events`], and to the listener of [`RunOptions::on_event`], if there is one.
    ///
    /// # Errors
    /// The system cannot start the thread.
    pub fn start(&self, engine: &Engine, options: RunOptions) -> io::Result<Run> {
        let (pipeline, engine) = (self.clone(), engine.clone());
        let (interrupt, monitor) = (options.interrupt.clone(), options.monitor.clone());
        let events = Arc::new(EventQueue::default());
        let closed = CloseOnDrop(Arc::clone(&events));
        let options = options.also_on_event({
            let events = Arc::clone(&events);
            move |event| events.send(event)
        });
        let thread = thread::Builder::new().name("run".into()).spawn(move || {
            let _closed = closed;
            pipeline.run(&engine, &options)
        })?;
        Ok(Run { interrupt, monitor, events, thread: Some(thread) })
    }
}

/// Closes the queue at the end of the run, also by a panic.
struct CloseOnDrop(Arc<EventQueue>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Run {
    /// Returns a receiver of the run's events, from the first on. It ends when the run has ended.
    ///
    /// Events wait in memory until they are received, at most 1,024 of them; see [`Events`]. A second receiver shares them with
    /// the first: each event goes to one of them.
    pub fn events(&self) -> Events {
        self.events.receiver()
    }

    /// Returns what each thread of the run does at this moment, with the stacks of the guests. The run continues. See
    /// [`Monitor::snapshot`].
    pub fn snapshot(&self) -> Snapshot {
        self.monitor.snapshot()
    }

    /// Cancels the run: calls [`Interrupt::cancel`] of the interrupt of its options. Does not wait.
    pub fn cancel(&self) {
        self.interrupt.cancel();
    }

    /// Returns whether the run has ended.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the end of the run.
    ///
    /// # Errors
    /// As [`Pipeline::run`].
    ///
    /// # Panics
    /// If the event listener panicked outside of the parts of the run that turn panics into failures.
    pub fn wait(mut self) -> Result<Report, RunError> {
        let thread = self.thread.take().expect("only `wait` and `drop` take the thread, and both take the handle");
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.cancel();
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("is_finished", &self.is_finished()).finish_non_exhaustive()
    }
}
