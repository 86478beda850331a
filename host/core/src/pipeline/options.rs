//! Settings of one run.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{RecordBatch, RecordBatchReader};

use crate::build::BuildProfile;
use crate::bundle::Bundles;
use crate::cleanup::CleanupRegistry;
use crate::event::{Event, Listener};
use crate::interrupt::Interrupt;
use crate::lockfile::Lock;
use crate::model_client::Estimates;
use crate::monitor::Monitor;
use crate::outline::Outline;
use crate::plan::Replacements;
use crate::remote::Executor;
use crate::runs::Checkpointing;
use crate::sink::BatchSink;
use crate::source::BatchSource;

/// Receives the outline of a run.
type PlanListener = Arc<dyn Fn(&Outline) + Send + Sync>;

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
    pub(super) no_build: bool,
    pub(super) build_profile: BuildProfile,
    pub(super) locked: Option<Lock>,
    /// Whether references without a digest are downloaded, to be locked.
    pub(super) takes_tags: bool,
    pub(super) reserved_files: Vec<(String, PathBuf)>,
    pub(super) checkpointing: Option<Checkpointing>,
    pub(super) on_event: Option<Listener>,
    pub(super) on_plan: Option<PlanListener>,
    pub(super) executor: Option<Arc<dyn Executor>>,
    pub(super) replacements: Replacements,
    /// Counts the requests to models instead of sending them.
    pub(super) estimates: Option<Arc<Estimates>>,
    pub(super) bundles: Option<Bundles>,
    pub(super) monitor: Monitor,
}

impl RunOptions {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels the run when this interrupt is triggered.
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

    /// Rejects steps whose component is a folder, because a build runs tools and scripts of the step outside of the sandbox.
    /// Default: folders are built.
    #[must_use]
    pub fn no_build(mut self, no_build: bool) -> Self {
        self.no_build = no_build;
        self
    }

    /// Sets how steps whose component is a folder are compiled. Default: [`BuildProfile::Release`].
    #[must_use]
    pub fn build_profile(mut self, profile: BuildProfile) -> Self {
        self.build_profile = profile;
        self
    }

    /// Rejects steps that differ from this lock, before they are given anything that they are granted. Default: no lock.
    #[must_use]
    pub fn locked(mut self, lock: Lock) -> Self {
        self.locked = Some(lock);
        self
    }

    /// Adds a file that the caller writes during the run or after it, such as a file of failures. The run only makes sure, before anything else, that the pipeline
    /// neither reads nor writes it. `option` names it in the error, such as `--failures`.
    #[must_use]
    pub fn reserved_file(mut self, option: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.reserved_files.push((option.into(), path.into()));
        self
    }

    /// Saves checkpoints, so that the run can be resumed. Default: none.
    #[must_use]
    pub fn checkpointing(mut self, checkpointing: Checkpointing) -> Self {
        self.checkpointing = Some(checkpointing);
        self
    }

    /// Runs the tasks with this executor, instead of on the threads of the engine. Steps that make rows, or see all rows, run
    /// in this process.
    #[must_use]
    pub fn executor(mut self, executor: Arc<dyn Executor>) -> Self {
        self.executor = Some(executor);
        self
    }

    /// Writes a bundle for each failure, with which its call can be made again: [`Bundle::replay`](crate::bundle::Bundle::replay). Steps
    /// that run with an executor have none. Default: none.
    #[must_use]
    pub fn bundles(mut self, bundles: &Bundles) -> Self {
        self.bundles = Some(bundles.clone());
        self
    }

    /// Calls the listener with each event. It is called from several threads, and the run waits for it.
    #[must_use]
    pub fn on_event(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(listener));
        self
    }

    /// Shows the run to this monitor, which can then be asked what the threads of the run do. Default: a monitor of its own, which
    /// only [`Run::snapshot`](crate::Run::snapshot) asks.
    #[must_use]
    pub fn monitor(mut self, monitor: &Monitor) -> Self {
        self.monitor = monitor.clone();
        self
    }

    /// Calls the listener with the outline of the pipeline once the run is planned, before its first batch.
    #[must_use]
    pub fn on_plan(mut self, listener: impl Fn(&Outline) + Send + Sync + 'static) -> Self {
        self.on_plan = Some(Arc::new(listener));
        self
    }

    /// Reads the rows of a source from record batches, instead of the files that the pipeline names. `name` is the name of
    /// the source: `source` if it is the only one and has none. Format, compression and declared columns of the source do not
    /// apply.
    ///
    /// The reader is read by the first run with these options, or with a clone of them; [`Pipeline::check`] needs
    /// only its schema. The run cannot be resumed.
    ///
    /// [`Pipeline::check`]: crate::Pipeline::check
    #[must_use]
    pub fn source(mut self, name: impl Into<String>, reader: impl RecordBatchReader + Send + 'static) -> Self {
        self.replacements.sources.insert(name.into(), BatchSource::new(Box::new(reader)));
        self
    }

    /// Gives the rows of a sink to a function, instead of writing them to the file that the pipeline names. `name` is the
    /// name of the sink: `sink` if it is the only one and has none.
    ///
    /// The function gets the rows in the order of the input, on one thread, in batches of at most `batch-rows` rows. The
    /// run waits for it. An error that it returns fails the run. Rows that it has taken before the run fails or is
    /// stopped are not taken back. The run cannot be resumed.
    #[must_use]
    pub fn sink(
        mut self,
        name: impl Into<String>,
        function: impl FnMut(RecordBatch) -> Result<(), Box<dyn Error + Send + Sync>> + Send + 'static,
    ) -> Self {
        self.replacements.sinks.insert(name.into(), BatchSink::new(function));
        self
    }

    /// Calls a function with each event, after the listener.
    pub(super) fn also_on_event(mut self, function: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.on_event = Some(match self.on_event.take() {
            Some(listener) => Arc::new(move |event| {
                listener(event);
                function(event);
            }),
            None => Arc::new(function),
        });
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
