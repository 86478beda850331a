//! Builds steps, and runs all their cases in parallel.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::case::{CASES, Case, folders};
use super::judge::{Verdict, judge};
use super::report::{CaseReport, StepProblem, TestReport};
use crate::build::{BuildOptions, build_step};
use crate::cleanup::CleanupRegistry;
use crate::component::{Component, ComponentError};
use crate::engine::{Fuel, Resident};
use crate::event::Event;
use crate::event::Listener;
use crate::interrupt::{Interrupt, Signal, Stop};
use crate::limits::Limits;
use crate::loader::ComponentLoader;
use crate::runtime::{Engine, EngineError, Reservation};

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
    /// Stops the test run when it is triggered.
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
    #[error("stopped by {}", .0.name())]
    Interrupted(Signal),
    /// The sandbox cannot be set up on this machine.
    #[error(transparent)]
    Setup(#[from] EngineError),
}

/// A step that has been built, with its cases.
struct Ready<'a> {
    step: &'a Path,
    wasm: PathBuf,
    folders: Vec<PathBuf>,
    plain: OnceLock<Result<Arc<Component>, String>>,
    metered: OnceLock<Result<Arc<Component>, String>>,
}

/// The engines. The one that counts instructions is created when the first case with a limit on fuel runs.
struct Engines {
    plain: Reservation,
    metered: OnceLock<Result<Reservation, String>>,
    instances: u32,
    engine: Engine,
}

impl Suite {
    /// Builds the steps and runs their cases on all cores. The report lists cases in the order of the steps, then by name.
    ///
    /// # Errors
    /// The sandbox cannot be set up, or the interrupt was triggered. Problems of a step or a case are in the report.
    pub fn run(&self, options: &TestOptions<'_>) -> Result<TestReport, TestError> {
        let instances = rayon::current_num_threads() as u32 * 2;
        let engine = options.engine.clone();
        let plain = engine.reserve(instances, Fuel::Off, Resident::default())?;
        let stop = Stop::on(&options.interrupt, plain.loader().sandbox().engine());
        let engines = Engines { plain, metered: OnceLock::new(), instances, engine };
        let mut report = TestReport::default();
        let mut prepared = Vec::new();
        for folder in &self.steps {
            match self.prepare(folder, options, &mut report) {
                Ok(Some(ready)) => prepared.push(ready),
                Ok(None) => {}
                Err(problem) => report.steps.push((folder.clone(), problem)),
            }
            if let Some(signal) = options.interrupt.signal() {
                return Err(TestError::Interrupted(signal));
            }
        }
        let loaded: Vec<_> = prepared.par_iter().map(|ready| ready.load(&engines, &stop, options)).collect();
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
                let case = step.case(folder, &engines, &stop, options);
                if let (Some(on_case), None) = (options.on_case, options.interrupt.signal()) {
                    on_case(&case);
                }
                case
            })
            .collect();
        match options.interrupt.signal() {
            Some(signal) => Err(TestError::Interrupted(signal)),
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
                listener(&Event::Building { folder: step });
            }
            let stopped = || options.interrupt.signal().is_some();
            let build =
                BuildOptions { stop: Some(&stopped), cleanup: Some(&options.cleanup), ..BuildOptions::default() };
            build_step(step, build)?.wasm
        };
        Ok(Some(Ready { step, wasm, folders: all, plain: OnceLock::new(), metered: OnceLock::new() }))
    }
}

impl Ready<'_> {
    /// Loads the component before its cases run, so that it is compiled once and its errors are reported once.
    fn load(&self, engines: &Engines, stop: &Stop, options: &TestOptions<'_>) -> Result<(), ComponentError> {
        let component = engines.plain.loader().load(&self.wasm, &Limits::default(), stop)?;
        if let Some(listener) = &options.on_event {
            listener(&Event::Compiled { component: &self.wasm, cached: component.cached() });
        }
        let _ = self.plain.set(Ok(component));
        Ok(())
    }

    fn case(&self, folder: &Path, engines: &Engines, stop: &Stop, options: &TestOptions<'_>) -> CaseReport {
        let verdict = match Case::read(folder) {
            Ok(case) => match self.engine(&case, engines, stop) {
                Ok((loader, component)) => judge(loader, component, stop, &case, options.update),
                Err(message) => broken(super::Problem::Unreadable { file: self.wasm.clone(), message }),
            },
            Err(problems) => Verdict { problems, ..Verdict::default() },
        };
        let Verdict { problems, updated, rows_in, rows_out, elapsed, peak_memory } = verdict;
        CaseReport {
            step: display_name(self.step).into(),
            name: name(folder),
            folder: folder.to_owned(),
            problems,
            updated,
            rows_in,
            rows_out,
            elapsed,
            peak_memory,
        }
    }

    /// Returns the loader for a case and the component compiled for its engine.
    fn engine<'e>(
        &'e self,
        case: &Case,
        engines: &'e Engines,
        stop: &Stop,
    ) -> Result<(&'e ComponentLoader, &'e Arc<Component>), String> {
        let (loader, component) = if case.settings.limits.fuel.is_some() {
            let made = engines.metered.get_or_init(|| {
                let reserved = engines.engine.reserve(engines.instances, Fuel::On, Resident::default());
                let reserved = reserved.inspect(|reserved| stop.reaches(reserved.loader().sandbox().engine()));
                reserved.map_err(|error| error.to_string())
            });
            (made.as_ref().map_err(Clone::clone)?.loader(), &self.metered)
        } else {
            (engines.plain.loader(), &self.plain)
        };
        let component = component.get_or_init(|| {
            // The component is shared by all cases, so the limits of one do not apply to loading it.
            loader.load(&self.wasm, &Limits::default(), stop).map_err(|error| error.kind.to_string())
        });
        Ok((loader, component.as_ref().map_err(Clone::clone)?))
    }
}

fn broken(problem: super::Problem) -> Verdict {
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
