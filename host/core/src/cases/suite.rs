//! All cases of some steps, built, loaded and run in parallel.

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

/// Steps whose cases are run.
#[derive(Debug, Clone, Default)]
pub struct Suite {
    /// The steps' folders. Each holds the step's sources, and its cases in `cases/`.
    pub steps: Vec<PathBuf>,
    /// A compiled component that is tested instead of what the folders build.
    pub component: Option<PathBuf>,
    /// Only cases with this in `STEP/CASE` are run, where STEP is the folder as it was given.
    pub filter: Option<String>,
}

/// How cases are run. The default keeps no compiled components, cannot be interrupted and tells nobody what happens.
#[derive(Clone, Default)]
pub struct TestOptions<'a> {
    /// Whether rows that differ from what is expected are written as what is expected.
    pub update: bool,
    /// Stops everything when it is triggered.
    pub interrupt: Interrupt,
    /// Where builds are listed, for whoever ends the process in the middle of one.
    pub cleanup: CleanupRegistry,
    /// The engine that runs the steps.
    pub engine: Engine,
    /// Is told what is built and compiled.
    pub on_event: Option<Listener>,
    /// Is told of every case that is done, on the thread that ran it.
    pub on_case: Option<&'a (dyn Fn(&CaseReport) + Sync)>,
}

/// Why nothing was tested.
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

/// A step that is ready to be tested.
struct Ready<'a> {
    step: &'a Path,
    wasm: PathBuf,
    folders: Vec<PathBuf>,
    plain: OnceLock<Result<Arc<Component>, String>>,
    metered: OnceLock<Result<Arc<Component>, String>>,
}

/// The engines. That which counts instructions is only made if a case limits them.
struct Engines {
    plain: Reservation,
    metered: OnceLock<Result<Reservation, String>>,
    instances: u32,
    engine: Engine,
}

impl Suite {
    /// Builds the steps and runs their cases, on all cores. Cases come in the order of the steps and of their names.
    ///
    /// # Errors
    /// The sandbox cannot be set up, or the interrupt was triggered. What is wrong with a step or a case is in the report.
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
        let mut works = Vec::new();
        for (step, loaded) in prepared.iter().zip(loaded) {
            match loaded {
                Ok(()) => works.extend(step.folders.iter().map(|folder| (step, folder))),
                Err(error) => report.steps.push((step.step.to_owned(), error.into())),
            }
        }
        report.cases = works
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

    /// Builds a step, unless there is nothing to be run with it.
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
            all.retain(|folder| format!("{}/{}", shown(step), name(folder)).contains(filter));
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
            let how = BuildOptions { stop: Some(&stopped), cleanup: Some(&options.cleanup), ..BuildOptions::default() };
            build_step(step, how)?.wasm
        };
        Ok(Some(Ready { step, wasm, folders: all, plain: OnceLock::new(), metered: OnceLock::new() }))
    }
}

impl Ready<'_> {
    /// Loads the component, so that it is compiled once and what is wrong with it told once.
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
            step: shown(self.step).into(),
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

    /// The engine that a case needs, and the component compiled for it.
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
            // The limits of a case are for what it does: the component is shared with the others.
            loader.load(&self.wasm, &Limits::default(), stop).map_err(|error| error.kind.to_string())
        });
        Ok((loader, component.as_ref().map_err(Clone::clone)?))
    }
}

fn broken(problem: super::Problem) -> Verdict {
    Verdict { problems: vec![problem], ..Verdict::default() }
}

fn shown(step: &Path) -> String {
    let shown = step.display().to_string();
    let trimmed = shown.trim_end_matches('/');
    if trimmed.is_empty() { shown } else { trimmed.to_owned() }
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
}
