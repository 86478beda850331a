//! A pipeline: read from its file, checked, and run.

mod stages;

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, SystemTime};

use rand::RngExt as _;

use crate::component::{CompileCache, Fuel, Workshop};
use crate::config::instance::InstanceLife;
use crate::config::{Complaints, Config, ConfigError, Overrides, StepTable};
use crate::event::Event;
use crate::failure::{Failure, LimitHit};
use crate::interrupt::{Interrupt, Signal, Stop};
use crate::outline::Outline;
use crate::plan::{self, Making, Plan, PlanError};
use crate::policy::MostRejects;
use crate::report::{Report, SinkReport, StepReport};
use crate::scheduler::{self, Ended, Files, Run};
use crate::sink::{self, Encoder, SinkError};
use crate::stage::{Tally, of_source};
use crate::unfinished::{Entry, Unfinished};

use stages::{Stages, open_spools, work_directory};

/// A pipeline as its file has it. Nothing has been opened, compiled or run yet.
#[derive(Debug, Clone)]
pub struct Pipeline {
    config: Arc<Config>,
}

/// How to run a pipeline. The default uses all cores, keeps no compiled components, cannot be interrupted and tells
/// nobody what happens.
#[derive(Clone, Default)]
pub struct Options {
    /// Threads that run steps; by default as many as the machine has cores. At most [`Options::MOST_THREADS`] are used.
    pub threads: Option<usize>,
    /// Stops the run when it is triggered.
    pub interrupt: Interrupt,
    /// Where compiled components are kept from run to run.
    pub cache: Option<CompileCache>,
    /// How long batches in flight may go on once the interrupt is triggered; by default not at all.
    pub grace: Duration,
    /// Lists what the run has not finished, for a caller that may end the process without waiting for it.
    pub unfinished: Unfinished,
    /// Where the caller writes failures. The run only makes sure, before anything else, that the pipeline neither reads
    /// nor writes that file.
    pub failures: Option<PathBuf>,
    /// Is told what happens. It is called from several threads, and the run waits for it.
    pub on_event: Option<Listener>,
}

/// Is told what happens during a run.
pub type Listener = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

impl Options {
    /// The most threads that run steps. Each has room for an instance laid out in memory before the run.
    pub const MOST_THREADS: usize = 256;

    fn listener(&self) -> Listener {
        self.on_event.clone().unwrap_or_else(|| Arc::new(|_| ()))
    }

    fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(all).clamp(1, Self::MOST_THREADS)
    }
}

/// Why a pipeline did not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The pipeline file, or something that it names, is wrong. Nothing was run.
    #[error(transparent)]
    Config(#[from] Complaints),
    /// A sink could not be opened. Nothing was run.
    #[error("{0}")]
    Sink(Box<Failure>),
    /// Something failed while the pipeline ran.
    #[error("{}", .0.failures.first().map_or_else(String::new, ToString::to_string))]
    Failed(Box<Failed>),
    /// More rows were rejected than the pipeline allows. The reject file is there, the outputs are as they were.
    #[error("{} rows were rejected, more than {most}", report.rejected())]
    TooManyRejects {
        /// What is allowed.
        most: MostRejects,
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
    /// The sandbox, or its threads, cannot be set up on this machine.
    #[error("the sandbox cannot be set up: {0}")]
    Setup(String),
}

impl RunError {
    /// The same with the run's id in every record that does not have it.
    fn of_run(mut self, id: &Arc<str>) -> Self {
        let set = |failure: &mut Failure| {
            failure.run.get_or_insert_with(|| Arc::clone(id));
        };
        match &mut self {
            Self::Config(complaints) => {
                complaints.list.iter_mut().filter_map(|complaint| complaint.failure.as_deref_mut()).for_each(set);
            }
            Self::Sink(failure) => set(failure),
            Self::Failed(failed) => failed.failures.iter_mut().for_each(set),
            Self::TooManyRejects { .. } | Self::Setup(_) | Self::Interrupted { .. } => {}
        }
        self
    }

    /// The records of what went wrong; none where the pipeline file is wrong in itself, or the run was stopped.
    pub fn failures(&self) -> Vec<Failure> {
        match self {
            Self::Config(complaints) => {
                complaints.list.iter().filter_map(|complaint| complaint.failure.as_deref().cloned()).collect()
            }
            Self::Sink(failure) => vec![(**failure).clone()],
            Self::Failed(failed) => failed.failures.clone(),
            Self::TooManyRejects { most, .. } => {
                let limit = LimitHit { name: "max-rejects".into(), value: most.to_string() };
                vec![Failure { limit: Some(limit), ..Failure::host(self) }]
            }
            Self::Setup(_) => vec![Failure::host(self)],
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
        Ok(Self { config: Arc::new(Config::from_file(path.as_ref())?) })
    }

    /// Reads the text of a pipeline file. Relative paths in it start from the folder that `file` is in, whether or not
    /// there is such a file.
    ///
    /// # Errors
    /// All that is wrong in the text.
    pub fn from_text(file: impl AsRef<Path>, text: &str) -> Result<Self, Complaints> {
        Ok(Self { config: Arc::new(Config::parse(file.as_ref(), text)?) })
    }

    /// The pipeline with parameters and paths replaced.
    ///
    /// # Errors
    /// A replacement does not fit the pipeline.
    pub fn with(self, overrides: &Overrides) -> Result<Self, Complaints> {
        let config = Arc::unwrap_or_clone(self.config);
        Ok(Self { config: Arc::new(config.with(overrides)?) })
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
        let workshop = workshop(&self.config, options)?;
        let stop = Stop::on(&options.interrupt, workshop.sandbox().engine());
        Ok(Outline::of(&self.plan(options, &workshop, &stop)?))
    }

    /// Runs the pipeline to its end, on this thread and those that it starts.
    ///
    /// Sinks are written beside their paths and renamed when all is done: unless this returns `Ok`, the files that were
    /// there before are still there. If whoever reads the standard output closes it, the run ends early, and that is no
    /// error.
    ///
    /// # Errors
    /// The pipeline or its input is wrong, a step or sink failed, or the interrupt was triggered.
    pub fn run(&self, options: &Options) -> Result<Report, RunError> {
        let id = run_id();
        self.run_as(&id, options).map_err(|error| error.of_run(&id))
    }

    fn run_as(&self, id: &Arc<str>, options: &Options) -> Result<Report, RunError> {
        let taken = options.failures.as_ref().and_then(|path| plan::check_failures(&self.config, path));
        if let Some(complaint) = taken {
            return Err(RunError::Config(self.config.complaints(vec![complaint])));
        }
        let workshop = workshop(&self.config, options)?;
        let plan = self.plan(options, &workshop, &Stop::on(&options.interrupt, workshop.sandbox().engine()))?;
        let threads = options.threads();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .start_handler(move |_| scheduler::share_cores(threads))
            .thread_name(|index| format!("step-{index}"))
            .build()
            .map_err(|error| RunError::Setup(error.to_string()))?;
        let report = Report {
            steps: plan.steps().map(|step| StepReport::new(Arc::clone(&step.name))).collect(),
            sinks: plan.sinks.iter().map(SinkReport::of).collect(),
            ..Report::default()
        };
        let (encoders, mut files, mut entries) =
            open_files(&plan, &options.unfinished).map_err(|error| RunError::Sink(Box::new(Failure::host(&error))))?;
        let work = work_directory(&plan).map_err(|error| RunError::Sink(Box::new(Failure::host(&error))))?;
        entries.extend(work.as_ref().map(|work| options.unfinished.add(work.path())));
        let spools = open_spools(&plan, work.as_ref(), &mut files)
            .map_err(|error| RunError::Sink(Box::new(Failure::host(&error))))?;
        let on_event = options.listener();
        let steps: Vec<_> = plan.steps().map(|step| Arc::clone(&step.name)).collect();
        let total_bytes = plan.sources.iter().map(|source| source.total_bytes).sum();
        on_event(&Event::Started { run: id, pipeline: &plan.name, steps: &steps, total_bytes });
        // The dispatcher decides when the stop reaches the instances: not before the grace has passed.
        let stop = Stop::default();
        stop.reaches(workshop.sandbox().engine());
        let most_rejects = plan.rejects.as_ref().and_then(|rejects| rejects.most);
        let tally = Arc::new(Tally::new(most_rejects));
        let making = Stages { encoders: encoders.into(), sandbox: workshop.sandbox(), stop, tally, run: id, spools };
        let (ended, report) = scheduler::run(Run {
            stages: making.stages(plan),
            files,
            pool: Arc::new(pool),
            interrupt: &options.interrupt,
            on_event: &*on_event,
            report,
            id: Arc::clone(id),
            most_rejects,
            grace: options.grace,
        });
        // What was kept between the stages is of no use any more.
        drop(work);
        drop(entries);
        match ended {
            Ended::Done => Ok(report),
            Ended::OutputClosed => Ok(Report { output_closed: true, ..report }),
            Ended::Failed(failures) => Err(RunError::Failed(Box::new(Failed { failures, report }))),
            Ended::TooManyRejects => Err(RunError::TooManyRejects {
                most: most_rejects.unwrap_or(MostRejects::Rows(0)),
                report: Box::new(report),
            }),
            Ended::Interrupted(signal, failures) => {
                Err(RunError::Interrupted { signal, failures, report: Box::new(report) })
            }
        }
    }

    /// Makes the plan on a thread of its own, so that a signal ends the wait for a compiler, or for an input that does
    /// not come.
    fn plan(&self, options: &Options, workshop: &Arc<Workshop>, stop: &Stop) -> Result<Plan, RunError> {
        let (answer, answers) = channel();
        options.interrupt.on_trigger({
            let answer = answer.clone();
            move |signal| {
                let _ = answer.send(Err(PlanError::Stopped(signal)));
            }
        });
        let config = Arc::clone(&self.config);
        let making = Making { workshop: Arc::clone(workshop), stop: stop.clone(), on_event: options.listener() };
        let planner = thread::Builder::new().name("planner".into()).spawn(move || {
            let _ = answer.send(Plan::make(&config, &making));
        });
        let planner = planner.map_err(|error| RunError::Setup(error.to_string()))?;
        let plan = answers.recv().unwrap_or_else(|_| {
            let panic = planner.join().err().unwrap_or_else(|| Box::new("the planner ended without a plan"));
            Err(PlanError::Host(Box::new(Failure::of_panic(&*panic))))
        });
        plan.map_err(|error| match error {
            PlanError::Complaints(complaints) => RunError::Config(complaints),
            PlanError::Input(error) => failed(of_source(&error)),
            PlanError::Host(failure) => failed(*failure),
            PlanError::Stopped(signal) => {
                RunError::Interrupted { signal, failures: Vec::new(), report: Box::default() }
            }
        })
    }
}

/// What encodes for the sinks, what is written to, and the entries of what has to be removed if it is not finished.
type Opened = (Vec<Arc<dyn Encoder>>, Files, Vec<Entry>);

/// Opens sinks and reject file, each of which is listed as unfinished as soon as it is there.
fn open_files(plan: &Plan, unfinished: &Unfinished) -> Result<Opened, SinkError> {
    let mut entries = Vec::new();
    let mut open = |spec| {
        let (encoder, writer) = sink::open(spec)?;
        entries.extend(writer.unfinished().map(|path| unfinished.add(path)));
        Ok((encoder, writer))
    };
    let opened: Result<Vec<_>, _> = plan.sinks.iter().map(|sink| open(&sink.spec)).collect();
    let (encoders, sinks) = opened?.into_iter().unzip();
    let rejects = plan.rejects.as_ref().map(|rejects| open(&rejects.spec)).transpose()?;
    let files = Files { sinks, rejects: rejects.map(|(_, writer)| writer), kept: Vec::new() };
    Ok((encoders, files, entries))
}

/// An id that no other run on this machine has: the time in seconds and a random number, both hexadecimal.
fn run_id() -> Arc<str> {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    format!("{seconds:08x}-{:06x}", rand::rng().random_range(0..1_u32 << 24)).into()
}

fn failed(failure: Failure) -> RunError {
    RunError::Failed(Box::new(Failed { failures: vec![failure], report: Report::default() }))
}

fn workshop(config: &Config, options: &Options) -> Result<Arc<Workshop>, RunError> {
    // One instance for each thread, and one for each that is being thrown away. Each step may have one that lives on, or
    // one for each thread.
    let threads = options.threads() as u32;
    let keeps = |step: &StepTable| step.instance.as_ref().is_some_and(|life| life.value == InstanceLife::Worker);
    let workers = config.steps.iter().filter(|step| keeps(step)).count() as u32;
    let instances = threads * (2 + workers) + config.steps.len() as u32;
    let has_fuel = config.pipeline.limits.fuel.is_some() || config.steps.iter().any(|step| step.limits.fuel.is_some());
    let fuel = if has_fuel { Fuel::On } else { Fuel::Off };
    let cache = options.cache.clone().unwrap_or_else(CompileCache::disabled);
    let workshop = Workshop::new(instances, fuel, cache);
    workshop.map(Arc::new).map_err(|error| RunError::Setup(format!("{error:#}")))
}
