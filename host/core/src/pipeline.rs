//! A pipeline: read from its file, checked, and run.

mod batches;
mod downloads;
mod error;
mod estimate;
mod files;
mod handle;
mod locking;
mod options;
mod planning;
mod probe;
mod recording;
mod remote_job;
mod run;
mod stages;
mod time_limit;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use error::{Failed, RunError};
pub use handle::Run;
pub use options::RunOptions;
pub use worker::Worker;

use crate::config::{Config, ConfigError, Diagnostics, Overrides, SourceTable};
use crate::grants::{Grant, Grants, Policy};
use crate::model_client::Journal;
use crate::outline::Outline;
use crate::pattern;
use crate::plan::Replacements;
use crate::runtime::Engine;

/// A pipeline as written in its file. Nothing has been opened, compiled or run yet.
#[derive(Debug, Clone)]
pub struct Pipeline {
    config: Arc<Config>,
    /// Parameters and limits that replace those of the file.
    overrides: Overrides,
    /// The ceiling of all grants.
    policy: Option<Arc<Policy>>,
}

impl Pipeline {
    /// Reads a pipeline file.
    ///
    /// # Errors
    /// The file cannot be read, or is invalid; all problems are reported at once.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Ok(Self { config: Arc::new(Config::from_file(path.as_ref())?), overrides: Overrides::default(), policy: None })
    }

    /// Reads the text of a pipeline file. Relative paths in it start from the folder that `file` is in, whether or not
    /// there is such a file.
    ///
    /// # Errors
    /// All problems of the text.
    pub fn from_text(file: impl AsRef<Path>, text: &str) -> Result<Self, Diagnostics> {
        Ok(Self {
            config: Arc::new(Config::parse(file.as_ref(), text)?),
            overrides: Overrides::default(),
            policy: None,
        })
    }

    /// Returns the pipeline with parameters and paths replaced.
    ///
    /// # Errors
    /// A replacement does not fit the pipeline.
    pub fn with(self, overrides: &Overrides) -> Result<Self, Diagnostics> {
        let config = Arc::unwrap_or_clone(self.config);
        let mut all = self.overrides;
        all.set.extend(overrides.set.iter().cloned());
        all.limit.extend(overrides.limit.iter().cloned());
        all.allow.extend(&overrides.allow);
        all.output = overrides.output.clone().or(all.output);
        Ok(Self { config: Arc::new(config.with(overrides)?), overrides: all, policy: self.policy })
    }

    /// Grants all steps something outside of the sandbox, in addition to the grants of the file.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub fn allow(self, grant: impl Into<Grant>) -> Result<Self, Diagnostics> {
        self.with(&Overrides::new().allow(grant))
    }

    /// Sets a ceiling for all grants: a pipeline whose steps are granted more is not run. Default: none.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Returns the pipeline for a file that nobody vouches for: without any grant or secret, and with low limits, whatever the file
    /// says. Larger limits of the file are lowered: 128 MiB of memory, 10 s for a batch, 1 million rows and 64 MiB of output, 16 KiB
    /// of log, 2 min and 1 GiB for compiling, and 10 min for the run. Call it after [`with`](Self::with).
    #[must_use]
    pub fn untrusted(mut self) -> Self {
        self.config = Arc::new(Arc::unwrap_or_clone(self.config).untrusted());
        self.overrides.allow = Grants::default();
        self
    }

    /// Returns the pipeline's name.
    pub fn name(&self) -> &str {
        &self.config.pipeline.name
    }

    /// Returns the time limit of a run, if there is one.
    pub fn time_limit(&self) -> Option<Duration> {
        self.config.pipeline.time.as_ref().map(|time| time.value)
    }

    /// Returns the folder for the bundles of failures, if the file names one.
    pub fn bundle_directory(&self) -> Option<PathBuf> {
        self.config.pipeline.bundle_on_failure.as_ref().map(|folder| folder.value.path())
    }

    /// Returns the names of the sources, in the order of the file.
    pub fn source_names(&self) -> Vec<Arc<str>> {
        (0..self.config.sources.len()).map(|index| self.config.source_name(index)).collect()
    }

    /// Returns the names of the steps, in the order of the file.
    pub fn step_names(&self) -> Vec<Arc<str>> {
        self.config.steps.iter().map(|step| step.name.value.as_str().into()).collect()
    }

    /// Returns the names of the sinks, in the order of the file.
    pub fn sink_names(&self) -> Vec<Arc<str>> {
        (0..self.config.sinks.len()).map(|index| self.config.sink_name(index)).collect()
    }

    /// Returns whether a sink is the standard output.
    pub fn writes_to_stdout(&self) -> bool {
        self.config.sinks.iter().any(|sink| sink.path.is_standard())
    }

    /// Returns the files and folders that a run depends on: the pipeline file, the steps, and the files of sources. For
    /// a path with a pattern it is the folder in front of the pattern.
    pub fn reads(&self) -> Vec<PathBuf> {
        let config = &self.config;
        let steps = config.steps.iter().filter(|step| step.component.reference.is_none());
        let steps = steps.map(|step| step.component.path());
        let paths = config.sources.iter().filter(|source| !source.is_standard()).flat_map(|source| &source.paths);
        let sources = paths.map(|setting| {
            let path = setting.path();
            let is_pattern = !path.exists() && pattern::is_pattern(&setting.written);
            if is_pattern { pattern::folder(&setting.base, &setting.written) } else { path }
        });
        std::iter::once(config.file.clone()).chain(steps).chain(sources).collect()
    }

    /// Returns the files that a run writes.
    pub fn writes(&self) -> Vec<PathBuf> {
        self.written_files(&Replacements::default())
    }

    /// Returns the files that a run writes with these sinks replaced.
    fn written_files(&self, replacements: &Replacements) -> Vec<PathBuf> {
        let config = &self.config;
        let sinks = config
            .sinks
            .iter()
            .enumerate()
            .filter(|(index, sink)| !sink.path.is_standard() && replacements.sink(config, *index).is_none());
        let sinks = sinks.map(|(_, sink)| sink.path.path());
        let rejects = config.rejects.as_ref().map(|rejects| rejects.path.path());
        sinks.chain(rejects).chain(config.dropped.as_ref().map(|dropped| dropped.path.path())).collect()
    }

    /// Returns whether there are models that steps may ask.
    pub fn has_models(&self) -> bool {
        !self.config.models.is_empty()
    }

    /// Returns whether a source is the standard input.
    pub fn reads_stdin(&self) -> bool {
        self.config.sources.iter().any(SourceTable::is_standard)
    }

    /// Checks everything that can be known without running: loads and binds every step, reads the beginning of the
    /// input, and follows the columns along every edge. Processes no row and writes nothing.
    ///
    /// # Errors
    /// As [`run`](Self::run), except for failures of rows and sinks.
    pub fn check(&self, engine: &Engine, options: &RunOptions) -> Result<Outline, RunError> {
        Ok(Outline::from_plan(&self.plan(engine, options, None, &Journal::default())?.plan))
    }
}
