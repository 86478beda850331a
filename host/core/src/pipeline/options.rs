//! Settings of one run.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::cleanup::CleanupRegistry;
use crate::event::{Event, Listener};
use crate::interrupt::Interrupt;
use crate::runs::Checkpointing;

/// Settings of one run of a pipeline. The default cannot be interrupted, reports no events and cannot be resumed.
///
/// ```
/// use std::time::Duration;
///
/// let interrupt = stillbox::Interrupt::new();
/// let options = stillbox::RunOptions::new().interrupt(&interrupt).grace(Duration::from_secs(5));
/// ```
#[derive(Clone, Default)]
pub struct RunOptions {
    pub(super) interrupt: Interrupt,
    pub(super) grace: Duration,
    pub(super) cleanup: CleanupRegistry,
    pub(super) failures_file: Option<PathBuf>,
    pub(super) checkpointing: Option<Checkpointing>,
    pub(super) on_event: Option<Listener>,
}

impl RunOptions {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the run when this interrupt is triggered.
    #[must_use]
    pub fn interrupt(mut self, interrupt: &Interrupt) -> Self {
        self.interrupt = interrupt.clone();
        self
    }

    /// Sets how long batches in flight may continue after the interrupt was triggered. Default: not at all.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Lists temporary files and child processes of the run in this registry, for a caller that may end the process
    /// without waiting for the run.
    #[must_use]
    pub fn cleanup(mut self, cleanup: &CleanupRegistry) -> Self {
        self.cleanup = cleanup.clone();
        self
    }

    /// Names the file to which the caller writes failures. The run only makes sure, before anything else, that the pipeline
    /// neither reads nor writes it.
    #[must_use]
    pub fn failures_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.failures_file = Some(path.into());
        self
    }

    /// Saves checkpoints, so that the run can be resumed. Default: none.
    #[must_use]
    pub fn checkpointing(mut self, checkpointing: Checkpointing) -> Self {
        self.checkpointing = Some(checkpointing);
        self
    }

    /// Calls the listener with each event. It is called from several threads, and the run waits for it.
    #[must_use]
    pub fn on_event(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(listener));
        self
    }

    pub(super) fn listener(&self) -> Listener {
        self.on_event.clone().unwrap_or_else(|| Arc::new(|_| ()))
    }
}

impl fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunOptions").field("grace", &self.grace).finish_non_exhaustive()
    }
}
