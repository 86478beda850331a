//! Builds steps, and runs all their cases in parallel.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use stillbox::build::{BuildError, BuildOptions, BuildProfile, build_step, has_manifest};
use stillbox::model::ModelSettings;
use stillbox::text::{chain, folder_name};
use stillbox::{
    CancelReason, CleanupRegistry, Engine, EngineError, Event, Fuel, Grants, GuestMessage, Interrupt, Limits, Listener,
    LoadedComponent, Lock, Monitor, Policy, StepPool,
};

use super::answers;
use super::case::{CASES, Case, folders};
use super::judge::{Verdict, judge, record};
use super::report::{CaseReport, Problem, StepProblem, TestReport};
use super::shard::Shard;

/// The steps and cases to run.
#[derive(Debug, Clone, Default)]
pub struct Suite {
    /// The folders of the steps. Each contains the step's sources, and its cases in `cases/`.
    pub steps: Vec<PathBuf>,
    /// A compiled component to test instead of building the folders.
    pub component: Option<PathBuf>,
    /// Runs only cases whose `STEP/CASE` contains this text, where STEP is the folder as given.
    pub filter: Option<String>,
    /// The part of the cases to run, after the filter. `None` for all.
    pub shard: Option<Shard>,
}

/// Options of a test run. Default: no cache of compiled components, no interrupt, no events.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct TestOptions<'a> {
    /// Whether to write the actual rows as the expected ones where they differ.
    pub update: bool,
    /// Whether to send the requests of each case, and to write the responses to its folder `http`.
    pub record: bool,
    /// With `record`, the models that answer the steps, by the part that each plays. Their answers are written to `answers.jsonl` of each
    /// case. The `key` of a model names a variable of the environment.
    pub models: BTreeMap<String, ModelSettings>,
    /// Whether folders are rejected instead of built.
    pub no_build: bool,
    /// The lock that the components are compared with, and the folder that its paths start from.
    pub lock: Option<(Lock, PathBuf)>,
    /// Whether no further case starts after the first one that fails.
    pub fail_fast: bool,
    /// How often a case that fails is run again. One that passes then is flaky.
    pub retries: u32,
    /// Grants for all cases, in addition to those of each.
    pub allow: Grants,
    /// The ceiling of all grants. Default: none.
    pub policy: Option<Policy>,
    /// Cancels the test run when it is triggered.
    pub interrupt: Interrupt,
    /// Registers child processes and temporary files of builds, to be removed if the process exits early.
    pub cleanup: CleanupRegistry,
    /// The engine that runs the steps.
    pub engine: Engine,
    /// Receives an event for each build and each compiled component.
    pub on_event: Option<Listener>,
    /// Called with the report of each case, on the thread that ran it.
    pub on_case: Option<&'a (dyn Fn(&CaseReport) + Sync)>,
    /// Called with what the step of a case logs and writes, as it comes, on the thread that runs the case. The first argument is the
    /// step and the case, as `STEP/CASE`.
    pub on_output: Option<OutputListener>,
}

/// Receives what the step of a case logs and writes.
pub type OutputListener = Arc<dyn Fn(&str, &GuestMessage<'_>) + Send + Sync>;

impl TestOptions<'_> {
    /// Passes an event to the listener.
    fn report(&self, event: &Event<'_>) {
        if let Some(listener) = &self.on_event {
            listener(event);
        }
    }
}

/// An error that ends the whole test run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestError {
    /// The interrupt was triggered.
    #[error("{0}")]
    Interrupted(CancelReason),
    /// The sandbox cannot be set up on this machine.
    #[error(transparent)]
    Setup(#[from] EngineError),
}

/// A step that has been built, with its cases.
struct Ready<'a> {
    step: &'a Path,
    wasm: PathBuf,
    /// Whether the component was built from the folder of the step.
    is_built: bool,
    folders: Vec<PathBuf>,
    plain: OnceLock<Result<LoadedComponent, String>>,
    metered: OnceLock<Result<LoadedComponent, String>>,
}

/// The instances. Those that count instructions are reserved when the first case with a limit on fuel runs.
struct Pools<'a> {
    plain: StepPool,
    metered: OnceLock<Result<StepPool, String>>,
    options: &'a TestOptions<'a>,
}

impl<'a> Pools<'a> {
    fn new(options: &'a TestOptions<'a>) -> Result<Self, EngineError> {
        Ok(Self { plain: Self::reserve(options, Fuel::Off)?, metered: OnceLock::new(), options })
    }

    /// Reserves an instance for each thread that runs cases.
    fn reserve(options: &TestOptions<'_>, fuel: Fuel) -> Result<StepPool, EngineError> {
        options.engine.step_pool(rayon::current_num_threads() as u32, fuel, &options.interrupt)
    }

    fn metered(&self) -> Result<&StepPool, String> {
        let reserve = || Self::reserve(self.options, Fuel::On).map_err(|error| chain(&error));
        self.metered.get_or_init(reserve).as_ref().map_err(Clone::clone)
    }
}

impl Suite {
    /// Builds the steps and runs their cases on all cores. The report lists cases in the order of the steps, then by name.
    ///
    /// # Errors
    /// The sandbox cannot be set up, or the interrupt was triggered. Problems of a step or a case are in the report.
    pub fn run(&self, options: &TestOptions<'_>) -> Result<TestReport, TestError> {
        let pools = Pools::new(options)?;
        let mut report = TestReport::default();
        let mut prepared = Vec::new();
        for (step, folders) in self.select(&mut report) {
            match self.prepare(step, folders, options) {
                Ok(ready) => prepared.push(ready),
                Err(problem) => report.steps.push((step.to_owned(), problem)),
            }
            if let Some(reason) = options.interrupt.reason() {
                return Err(TestError::Interrupted(reason));
            }
        }
        let loaded: Vec<_> = prepared.par_iter().map(|ready| ready.load(&pools)).collect();
        let mut cases = Vec::new();
        for (step, loaded) in prepared.iter().zip(loaded) {
            match loaded {
                Ok(()) => cases.extend(step.folders.iter().map(|folder| (step, folder))),
                Err(problem) => report.steps.push((step.step.to_owned(), problem)),
            }
        }
        let number = cases.len();
        let has_failed = AtomicBool::new(false);
        report.cases = cases
            .into_par_iter()
            .filter_map(|(step, folder)| {
                if options.fail_fast && has_failed.load(Ordering::Relaxed) {
                    return None;
                }
                let case = step.case(folder, &pools);
                has_failed.fetch_or(!case.passed(), Ordering::Relaxed);
                if let (Some(on_case), false) = (options.on_case, options.interrupt.is_triggered()) {
                    on_case(&case);
                }
                Some(case)
            })
            .collect();
        report.not_run = number - report.cases.len();
        match options.interrupt.reason() {
            Some(reason) => Err(TestError::Interrupted(reason)),
            None => Ok(report),
        }
    }

    /// Returns the folders of all cases of a step.
    fn cases_of(&self, step: &Path) -> Result<Vec<PathBuf>, StepProblem> {
        let all = folders(step).map_err(StepProblem::Unreadable)?;
        if all.is_empty() && step.is_dir() {
            if self.component.is_none() && !has_manifest(step) {
                return Err(BuildError::NoManifest { dir: step.to_owned() }.into());
            }
            return Err(StepProblem::NoCases(step.join(CASES).join("first")));
        }
        Ok(all)
    }

    /// Returns the folders of the cases to run, for each step that has any.
    fn select(&self, report: &mut TestReport) -> Vec<(&Path, Vec<PathBuf>)> {
        let mut selected = Vec::new();
        let mut index = 0;
        for step in &self.steps {
            let mut all = match self.cases_of(step) {
                Ok(all) => all,
                Err(problem) => {
                    report.steps.push((step.clone(), problem));
                    continue;
                }
            };
            if let Some(filter) = &self.filter {
                let before = all.len();
                all.retain(|folder| format!("{}/{}", folder_name(step), name(folder)).contains(filter));
                report.filtered += before - all.len();
            }
            if let Some(shard) = self.shard {
                let before = all.len();
                all.retain(|_| {
                    index += 1;
                    shard.contains(index - 1)
                });
                report.in_other_shards += before - all.len();
            }
            if !all.is_empty() {
                selected.push((&**step, all));
            }
        }
        selected
    }

    /// Builds a step.
    fn prepare<'a>(
        &self,
        step: &'a Path,
        folders: Vec<PathBuf>,
        options: &TestOptions<'_>,
    ) -> Result<Ready<'a>, StepProblem> {
        let wasm = if let Some(component) = &self.component {
            component.clone()
        } else {
            if !options.no_build {
                options.report(&Event::building(step));
            }
            let build = BuildOptions::new().interrupt(&options.interrupt).cleanup(&options.cleanup);
            let on_event = |event: &Event<'_>| options.report(event);
            let build = build.rejected(options.no_build).profile(BuildProfile::Development).on_event(&on_event);
            build_step(step, build)?.wasm
        };
        let is_built = self.component.is_none();
        Ok(Ready { step, wasm, is_built, folders, plain: OnceLock::new(), metered: OnceLock::new() })
    }
}

impl Ready<'_> {
    /// Loads the component before its cases run, so that it is compiled once and its errors are reported once.
    fn load(&self, pools: &Pools<'_>) -> Result<(), StepProblem> {
        pools.options.report(&Event::compiling(&self.wasm));
        let component = pools.plain.load(&self.wasm, &Limits::default())?;
        if let Some((lock, folder)) = &pools.options.lock {
            self.check_lock(lock, folder, &component)?;
        }
        pools.options.report(&Event::compiled(&self.wasm, component.is_cached()));
        let _ = self.plain.set(Ok(component));
        Ok(())
    }

    /// Compares the component with its entry in a lock.
    fn check_lock(&self, lock: &Lock, folder: &Path, component: &LoadedComponent) -> Result<(), StepProblem> {
        let path = if self.is_built { self.step } else { &self.wasm };
        let Some((_, locked)) = lock.component(folder, path) else {
            return Err(StepProblem::NotLocked(path.to_owned()));
        };
        let differences = component.differences(locked);
        if differences.is_empty() { Ok(()) } else { Err(StepProblem::Differs { path: path.to_owned(), differences }) }
    }

    /// Runs a case, again if it fails and the options say so.
    fn case(&self, folder: &Path, pools: &Pools<'_>) -> CaseReport {
        let mut earlier_attempts = Vec::new();
        let mut verdict = self.attempt(folder, pools);
        let retries = pools.options.retries as usize;
        while !verdict.problems.is_empty()
            && earlier_attempts.len() < retries
            && !pools.options.interrupt.is_triggered()
        {
            earlier_attempts.push(verdict.problems);
            verdict = self.attempt(folder, pools);
        }
        let Verdict { problems, updated, unchecked, rows_in, rows_out, elapsed, peak_memory } = verdict;
        CaseReport {
            step: folder_name(self.step).into(),
            name: name(folder),
            folder: folder.to_owned(),
            problems,
            earlier_attempts,
            updated,
            unchecked,
            rows_in,
            rows_out,
            elapsed,
            peak_memory,
        }
    }

    fn attempt(&self, folder: &Path, pools: &Pools<'_>) -> Verdict {
        match Case::read(folder) {
            Ok(mut case) => {
                case.settings.grants.extend(&pools.options.allow);
                match self.component(&case, pools) {
                    Ok(component) => {
                        let component = self.monitored(component, folder, pools.options);
                        recorded_and_judged(&component, &mut case, pools.options)
                    }
                    Err(message) => broken(Problem::Unreadable { file: self.wasm.clone(), message }),
                }
            }
            Err(problems) => Verdict { problems, ..Verdict::default() },
        }
    }

    /// Returns the component, whose output in a case is passed on if the options say so.
    fn monitored<'c>(
        &self,
        component: &'c LoadedComponent,
        case: &Path,
        options: &TestOptions<'_>,
    ) -> Cow<'c, LoadedComponent> {
        let Some(on_output) = options.on_output.clone() else { return Cow::Borrowed(component) };
        let case = format!("{}/{}", folder_name(self.step), name(case));
        let monitor = Monitor::new();
        monitor.on_output(move |message| on_output(&case, message));
        Cow::Owned(component.monitored(&monitor))
    }

    /// Returns the component, compiled with or without counting instructions as the case needs it.
    fn component(&self, case: &Case, pools: &Pools<'_>) -> Result<&LoadedComponent, String> {
        let (pool, component) = if case.settings.limits.fuel.is_some() {
            (pools.metered()?, &self.metered)
        } else {
            (&pools.plain, &self.plain)
        };
        let component = component.get_or_init(|| {
            // The component is shared by all cases, so the limits of one do not apply to loading it.
            pool.load(&self.wasm, &Limits::default()).map_err(|error| chain(&error.kind))
        });
        component.as_ref().map_err(Clone::clone)
    }
}

/// Records the responses of a case if the options say so, and runs it.
fn recorded_and_judged(component: &LoadedComponent, case: &mut Case, options: &TestOptions<'_>) -> Verdict {
    if let Some(policy) = &options.policy
        && let Some(violation) = policy.apply(&mut case.settings.grants).first()
    {
        let message = format!("the policy does not permit the case to {}: {}", violation.grant, violation.reason);
        return broken(Problem::Unreadable { file: case.folder.clone(), message });
    }
    let policy = options.policy.as_ref();
    if let Some(message) = policy.and_then(|policy| answers::rejected_by_policy(&options.models, policy)) {
        return broken(Problem::Unreadable { file: case.folder.clone(), message });
    }
    let recorded = if options.record { record(component, case, &options.models) } else { Ok(Vec::new()) };
    match recorded {
        Ok(recorded) => {
            let mut verdict = judge(component, case, options.update);
            verdict.updated.extend(recorded);
            verdict
        }
        Err(problem) => broken(problem),
    }
}

fn broken(problem: Problem) -> Verdict {
    Verdict { problems: vec![problem], ..Verdict::default() }
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
}
