//! A run on a thread of its own.

use std::fmt;
use std::io;
use std::panic::resume_unwind;
use std::thread::{self, JoinHandle};

use super::options::RunOptions;
use super::{Pipeline, RunError};
use crate::interrupt::{Interrupt, Signal};
use crate::report::Report;
use crate::runtime::Engine;

/// A run that was started by [`Pipeline::start`]. Dropping it cancels the run and waits for its end.
///
/// Events come to the listener of [`RunOptions::on_event`].
pub struct Run {
    interrupt: Interrupt,
    /// `None` once the run has been waited for.
    thread: Option<JoinHandle<Result<Report, RunError>>>,
}

impl Pipeline {
    /// Starts a run on a thread of its own.
    ///
    /// # Errors
    /// The system refuses to start the thread.
    pub fn start(&self, engine: &Engine, options: RunOptions) -> io::Result<Run> {
        let (pipeline, engine) = (self.clone(), engine.clone());
        let interrupt = options.interrupt.clone();
        let thread = thread::Builder::new().name("run".into()).spawn(move || pipeline.run(&engine, &options))?;
        Ok(Run { interrupt, thread: Some(thread) })
    }
}

impl Run {
    /// Cancels the run: triggers the interrupt of its options. Does not wait.
    pub fn cancel(&self) {
        self.interrupt.trigger(Signal::Interrupt);
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
