//! Builds steps, and runs all their cases in parallel.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rayon::prelude::*;

use stillbox::build::{BuildOptions, build_step};
use stillbox::component::ComponentError;
use stillbox::text::chain;
use stillbox::{
    CancelReason, CleanupRegistry, Engine, EngineError, Event, Fuel, Grants, Interrupt, Limits, Listener,
    LoadedComponent, Policy, StepPool,
};

use super::case::{CASES, Case, folders};
use super::judge::{Verdict, judge, record};
use super::report::{CaseReport, Problem, StepProblem, TestReport};

/// The steps and cases to run.
#[derive(Debug, Clone, Default)]
pub struct Suite {
    /// The folders of the steps. Each contains the step's sources, and its cases in `cases/`.
    pub steps: Vec<PathBuf>,
    /// A compiled component to test instead of building the folders.
    pub component: Option<PathBuf>,
    /// Runs only cases whose `STEP/CASE` contains this text, where STEP is the folder as given.
    pub filter: Option<String>,
}

/// Options of a test run. Default: no cache of compiled components, no interrupt, no events.
#[derive(Clone, Default)]
pub struct TestOptions<'a> {
    /// Whether to write the actual rows as the expected ones where they differ.
    pub update: bool,
    /// Whether to send the requests of each case, and to write the responses to its folder `http`.
    pub record: bool,
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
        for folder in &self.steps {
            match self.prepare(folder, options, &mut report) {
                Ok(Some(ready)) => prepared.push(ready),
                Ok(None) => {}
                Err(problem) => report.steps.push((folder.clone(), problem)),
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
                Err(error) => report.steps.push((step.step.to_owned(), error.into())),
            }
        }
        report.cases = cases
            .into_par_iter()
            .map(|(step, folder)| {
                let case = step.case(folder, &pools);
                if let (Some(on_case), false) = (options.on_case, options.interrupt.is_triggered()) {
                    on_case(&case);
                }
                case
            })
            .collect();
        match options.interrupt.reason() {
            Some(reason) => Err(TestError::Interrupted(reason)),
            None => Ok(report),
        }
    }

    /// Builds a step. Returns `None` if the filter excludes all its cases.
    fn prepare<'a>(
        &self,
        step: &'a Path,
        options: &TestOptions<'_>,
        report: &mut TestReport,
    ) -> Result<Option<Ready<'a>>, StepProblem> {
        let mut all = folders(step).map_err(StepProblem::Unreadable)?;
        if all.is_empty() && step.is_dir() {
            return Err(StepProblem::NoCases(step.join(CASES).join("first")));
        }
        if let Some(filter) = &self.filter {
            let before = all.len();
            all.retain(|folder| format!("{}/{}", display_name(step), name(folder)).contains(filter));
            report.filtered += before - all.len();
            if all.is_empty() {
                return Ok(None);
            }
        }
        let wasm = if let Some(component) = &self.component {
            component.clone()
        } else {
            if let Some(listener) = &options.on_event {
                listener(&Event::building(step));
            }
            let build = BuildOptions::new().interrupt(&options.interrupt).cleanup(&options.cleanup);
            build_step(step, build)?.wasm
        };
        Ok(Some(Ready { step, wasm, folders: all, plain: OnceLock::new(), metered: OnceLock::new() }))
    }
}

impl Ready<'_> {
    /// Loads the component before its cases run, so that it is compiled once and its errors are reported once.
    fn load(&self, pools: &Pools<'_>) -> Result<(), ComponentError> {
        let component = pools.plain.load(&self.wasm, &Limits::default())?;
        if let Some(listener) = &pools.options.on_event {
            listener(&Event::compiled(&self.wasm, component.is_cached()));
        }
        let _ = self.plain.set(Ok(component));
        Ok(())
    }

    fn case(&self, folder: &Path, pools: &Pools<'_>) -> CaseReport {
        let verdict = match Case::read(folder) {
            Ok(mut case) => {
                case.settings.grants.extend(&pools.options.allow);
                match self.component(&case, pools) {
                    Ok(component) => recorded_and_judged(component, &mut case, pools.options),
                    Err(message) => broken(Problem::Unreadable { file: self.wasm.clone(), message }),
                }
            }
            Err(problems) => Verdict { problems, ..Verdict::default() },
        };
        let Verdict { problems, updated, unchecked, rows_in, rows_out, elapsed, peak_memory } = verdict;
        CaseReport {
            step: display_name(self.step).into(),
            name: name(folder),
            folder: folder.to_owned(),
            problems,
            updated,
            unchecked,
            rows_in,
            rows_out,
            elapsed,
            peak_memory,
        }
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
    let recorded = if options.record { record(component, case) } else { Ok(Vec::new()) };
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

fn display_name(step: &Path) -> String {
    let name = step.display().to_string();
    let trimmed = name.trim_end_matches('/');
    if trimmed.is_empty() { name } else { trimmed.to_owned() }
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
}
