//! A pipeline: read from its file, checked, and run.

mod recording;
mod run;
mod stages;

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::cleanup::CleanupRegistry;
use crate::component::CompileCache;
use crate::config::instance::InstanceLife;
use crate::config::{Config, ConfigError, Diagnostics, Overrides, StepTable};
use crate::engine::{Fuel, Resident};
use crate::event::Listener;
use crate::failure::{Failure, FailureKind, LimitHit};
use crate::interrupt::{Interrupt, Signal, Stop};
use crate::loader::ComponentLoader;
use crate::outline::Outline;
use crate::panics::caught;
use crate::plan::{Plan, PlanContext, PlanError};
use crate::policy::MaxRejects;
use crate::report::Report;
use crate::result_cache::ResultCache;
use crate::runs::{Checkpointing, RunsError};
use crate::text::grouped;

/// A pipeline as its file has it. Nothing has been opened, compiled or run yet.
#[derive(Debug, Clone)]
pub struct Pipeline {
    config: Arc<Config>,
    /// The parameters and limits that are replaced in it.
    overrides: Overrides,
}

/// How to run a pipeline. The default uses all cores, keeps no compiled components, cannot be interrupted and tells
/// nobody what happens.
#[derive(Clone, Default)]
pub struct Options {
    /// Threads that run steps. The default is one for each core. At most [`Options::THREADS_PER_CORE`] for each core are
    /// used; a larger number is reduced to that, with a warning in the log.
    pub threads: Option<usize>,
    /// Stops the run when it is triggered.
    pub interrupt: Interrupt,
    /// Where compiled components are kept from run to run.
    pub cache: Option<CompileCache>,
    /// Where is kept what steps with `cache = true` make; by default nowhere.
    pub outputs: ResultCache,
    /// How long batches in flight may go on once the interrupt is triggered; by default not at all.
    pub grace: Duration,
    /// Lists what the run has not finished, for a caller that may end the process without waiting for it.
    pub cleanup: CleanupRegistry,
    /// Where the caller writes failures. The run only makes sure, before anything else, that the pipeline neither reads
    /// nor writes that file.
    pub failures: Option<PathBuf>,
    /// That the run can go on if it does not come to its end; by default nothing is kept of it.
    pub keep: Option<Checkpointing>,
    /// Is told what happens. It is called from several threads, and the run waits for it.
    pub on_event: Option<Listener>,
}

impl Options {
    /// The most threads that run steps, for each core. With this many, an interrupt ends a run within 100 ms (99th
    /// percentile); with more, the threads that end it would wait for their turn on a core for longer. Each thread also
    /// has room for an instance reserved in memory.
    pub const THREADS_PER_CORE: usize = 4;

    fn listener(&self) -> Listener {
        self.on_event.clone().unwrap_or_else(|| Arc::new(|_| ()))
    }

    fn threads(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let max = cores * Self::THREADS_PER_CORE;
        let threads = self.threads.unwrap_or(cores);
        if threads > max {
            tracing::warn!(
                "using {max} threads instead of {threads}: at most {} for each core are allowed",
                Self::THREADS_PER_CORE
            );
        }
        threads.clamp(1, max)
    }
}

/// Why a pipeline did not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The pipeline file, or something that it names, is wrong. Nothing was run.
    #[error(transparent)]
    Config(#[from] Diagnostics),
    /// A sink could not be opened. Nothing was run.
    #[error("{0}")]
    Sink(Box<Failure>),
    /// Something failed while the pipeline ran.
    #[error("{}", .0.failures.first().map_or_else(String::new, ToString::to_string))]
    Failed(Box<Failed>),
    /// More rows were rejected than the pipeline allows. The reject file is there, the outputs are as they were.
    #[error("{failure}")]
    TooManyRejects {
        /// What is allowed.
        most: MaxRejects,
        /// The same as a record: of kind `host`, with the limit `max-rejects`.
        failure: Box<Failure>,
        /// What was done until then.
        report: Box<Report>,
    },
    /// The interrupt was triggered.
    #[error("stopped by {}", signal.name())]
    Interrupted {
        /// What was asked for.
        signal: Signal,
        /// What failed before all batches had ended, in the order of the batches; mostly nothing.
        failures: Vec<Failure>,
        /// What was done until then.
        report: Box<Report>,
    },
    /// What is kept of earlier runs does not go together with what was asked for. Nothing was run.
    #[error(transparent)]
    Runs(#[from] RunsError),
    /// The sandbox, or its threads, cannot be set up on this machine. The record is of kind `host`.
    #[error("{0}")]
    Setup(Box<Failure>),
}

impl RunError {
    /// The same with the run's id in every record that does not have it.
    fn of_run(mut self, id: &Arc<str>) -> Self {
        let set = |failure: &mut Failure| {
            failure.run.get_or_insert_with(|| Arc::clone(id));
        };
        match &mut self {
            Self::Config(diagnostics) => {
                diagnostics.list.iter_mut().filter_map(|diagnostic| diagnostic.failure.as_deref_mut()).for_each(set);
            }
            Self::Sink(failure) | Self::Setup(failure) | Self::TooManyRejects { failure, .. } => set(failure),
            Self::Failed(failed) => failed.failures.iter_mut().for_each(set),
            Self::Interrupted { failures, .. } => failures.iter_mut().for_each(set),
            Self::Runs(_) => {}
        }
        self
    }

    /// The records of what went wrong: where a step, an input or an output is at fault. None where the pipeline file is wrong
    /// in itself, or the run was stopped.
    pub fn failures(&self) -> Vec<Failure> {
        match self {
            Self::Config(diagnostics) => {
                diagnostics.list.iter().filter_map(|diagnostic| diagnostic.failure.as_deref().cloned()).collect()
            }
            Self::Sink(failure) | Self::Setup(failure) | Self::TooManyRejects { failure, .. } => {
                vec![(**failure).clone()]
            }
            Self::Failed(failed) => failed.failures.clone(),
            Self::Runs(_) => vec![Failure::host(self)],
            Self::Interrupted { failures, .. } => failures.clone(),
        }
    }
}

/// What failed, and what was done until then.
#[derive(Debug)]
pub struct Failed {
    /// The failures in the order of their batches, at least one.
    pub failures: Vec<Failure>,
    /// The numbers up to the failure.
    pub report: Report,
}

impl Pipeline {
    /// Reads a pipeline file.
    ///
    /// # Errors
    /// The file cannot be read, or something in it is wrong; all that is wrong is reported at once.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Ok(Self { config: Arc::new(Config::from_file(path.as_ref())?), overrides: Overrides::default() })
    }

    /// Reads the text of a pipeline file. Relative paths in it start from the folder that `file` is in, whether or not
    /// there is such a file.
    ///
    /// # Errors
    /// All that is wrong in the text.
    pub fn from_text(file: impl AsRef<Path>, text: &str) -> Result<Self, Diagnostics> {
        Ok(Self { config: Arc::new(Config::parse(file.as_ref(), text)?), overrides: Overrides::default() })
    }

    /// The pipeline with parameters and paths replaced.
    ///
    /// # Errors
    /// A replacement does not fit the pipeline.
    pub fn with(self, overrides: &Overrides) -> Result<Self, Diagnostics> {
        let config = Arc::unwrap_or_clone(self.config);
        let mut all = self.overrides;
        all.set.extend(overrides.set.iter().cloned());
        all.limit.extend(overrides.limit.iter().cloned());
        all.output = overrides.output.clone().or(all.output);
        Ok(Self { config: Arc::new(config.with(overrides)?), overrides: all })
    }

    /// The pipeline's name.
    pub fn name(&self) -> &str {
        &self.config.pipeline.name
    }

    /// Whether a sink is the standard output.
    pub fn writes_to_stdout(&self) -> bool {
        self.config.sinks.iter().any(|sink| sink.path.is_standard())
    }

    /// The files and folders that a run depends on: the pipeline file, the steps, and the files of sources. A path with
    /// a pattern is given as the folder in front of the pattern.
    pub fn reads(&self) -> Vec<PathBuf> {
        let config = &self.config;
        let steps = config.steps.iter().map(|step| step.component.path());
        let sources = config.sources.iter().filter(|source| !source.path.is_standard()).map(|source| {
            let path = source.path.path();
            let is_pattern = !path.exists() && source.path.pattern().is_some();
            let plain = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
            if is_pattern { path.components().take_while(plain).collect() } else { path }
        });
        std::iter::once(config.file.clone()).chain(steps).chain(sources).collect()
    }

    /// The files that a run writes.
    pub fn writes(&self) -> Vec<PathBuf> {
        let config = &self.config;
        let sinks = config.sinks.iter().filter(|sink| !sink.path.is_standard()).map(|sink| sink.path.path());
        sinks.chain(config.rejects.as_ref().map(|rejects| rejects.path.path())).collect()
    }

    /// Whether a source is the standard input.
    pub fn reads_stdin(&self) -> bool {
        self.config.sources.iter().any(|source| source.path.is_standard())
    }

    /// Checks all that can be known without running: loads and binds every step, looks at the beginning of the input,
    /// and follows the columns along every edge. No row is processed, nothing is written.
    ///
    /// # Errors
    /// As [`run`](Self::run), but for what only happens to rows and sinks.
    pub fn check(&self, options: &Options) -> Result<Outline, RunError> {
        let loader = loader(&self.config, options)?;
        let stop = Stop::on(&options.interrupt, loader.sandbox().engine());
        Ok(Outline::of(&self.plan(options, &loader, &stop)?))
    }

    /// Makes the plan on a thread of its own, so that a signal ends the wait for a compiler, or for an input that does
    /// not come.
    fn plan(&self, options: &Options, loader: &Arc<ComponentLoader>, stop: &Stop) -> Result<Plan, RunError> {
        let (answer, answers) = channel();
        options.interrupt.on_trigger({
            let answer = answer.clone();
            move |signal| {
                let _ = answer.send(Err(PlanError::Stopped(signal)));
            }
        });
        let config = Arc::clone(&self.config);
        let making = PlanContext {
            loader: Arc::clone(loader),
            stop: stop.clone(),
            on_event: options.listener(),
            cleanup: options.cleanup.clone(),
        };
        let planner = thread::Builder::new().name("planner".into()).spawn(move || {
            let plan = caught(|| Plan::make(&config, &making));
            let plan = plan.unwrap_or_else(|panic| Err(PlanError::Host(Box::new(Failure::of_panic(&*panic)))));
            let _ = answer.send(plan);
        });
        planner.map_err(|error| not_set_up(&error))?;
        // The interrupt has a sender, too, so somebody has to send something.
        let plan = answers.recv().expect("the planner answers, whatever becomes of it");
        plan.map_err(|error| match error {
            PlanError::Diagnostics(diagnostics) => RunError::Config(diagnostics),
            PlanError::Input(error) => failed(error.to_failure()),
            PlanError::Host(failure) => failed(*failure),
            PlanError::Stopped(signal) => {
                RunError::Interrupted { signal, failures: Vec::new(), report: Box::default() }
            }
        })
    }
}

fn failed(failure: Failure) -> RunError {
    RunError::Failed(Box::new(Failed { failures: vec![failure], report: Report::default() }))
}

fn loader(config: &Config, options: &Options) -> Result<Arc<ComponentLoader>, RunError> {
    // One instance for each thread, and one for each that is being thrown away. Each step may have one that lives on, or
    // one for each thread.
    let threads = options.threads() as u32;
    let keeps = |step: &StepTable| step.instance.as_ref().is_some_and(|life| life.value == InstanceLife::Worker);
    let workers = config.steps.iter().filter(|step| keeps(step)).count() as u32;
    let instances = threads * (2 + workers) + config.steps.len() as u32;
    let has_fuel = config.pipeline.limits.fuel.is_some() || config.steps.iter().any(|step| step.limits.fuel.is_some());
    let fuel = if has_fuel { Fuel::On } else { Fuel::Off };
    let cache = options.cache.clone().unwrap_or_else(CompileCache::disabled);
    let resident = Resident::of(config.steps.iter().map(|step| step.component.path()));
    let loader = ComponentLoader::new(instances, fuel, resident, cache);
    loader.map(Arc::new).map_err(|error| not_set_up(&format!("{error:#}")))
}

fn not_set_up(problem: &dyn fmt::Display) -> RunError {
    RunError::Setup(Box::new(Failure::new(FailureKind::Host, format!("the sandbox cannot be set up: {problem}"))))
}

fn too_many_rejects(most: MaxRejects, report: Report) -> RunError {
    let message = format!("{} rows were rejected, and `max-rejects` is {most}", grouped(report.rejected()));
    let mut failure = Box::new(Failure::new(FailureKind::Host, message));
    failure.limit = Some(LimitHit { name: "max-rejects".into(), value: most.to_string() });
    RunError::TooManyRejects { most, failure, report: Box::new(report) }
}
