//! Building, loading and binding the steps of a pipeline.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::grants::StepGrants;
use super::lock::{self, LockedSteps};
use super::pin;
use super::replacements::Replacements;
use crate::build::{BuildError, BuildOptions, BuildProfile, build_step};
use crate::cleanup::CleanupRegistry;
use crate::component::{Component, ComponentError, ComponentErrorKind, Signature};
use crate::config::{Config, Diagnostic, StepTable};
use crate::engine::StagedFolders;
use crate::event::{Event, Listener};
use crate::failure::{Failure, FailureKind, LimitHit, SHORTAGE_HINT, is_shortage};
use crate::grants::Policy;
use crate::http::ResponseStore;
use crate::interrupt::{Interrupt, Stop};
use crate::limits::Limits;
use crate::loader::{ComponentLoader, StepSnapshot};
use crate::model_client::{Estimates, Journal};
use crate::panics::caught;
use crate::reference::suggestion;
use crate::sandbox::{CallOptions, CallSubject};

/// The services that planning uses.
pub(crate) struct PlanContext {
    pub(crate) loader: Arc<ComponentLoader>,
    pub(crate) stop: Stop,
    /// Cancels builds.
    pub(crate) interrupt: Interrupt,
    pub(crate) on_event: Listener,
    /// Whether step folders are rejected.
    pub(crate) no_build: bool,
    /// How step folders are compiled.
    pub(crate) build_profile: BuildProfile,
    /// What the steps have to be. `None` if they may be anything.
    pub(crate) locked: Option<Arc<LockedSteps>>,
    /// Registers builds in progress.
    pub(crate) cleanup: CleanupRegistry,
    /// Sources and sinks without files.
    pub(crate) replacements: Replacements,
    /// The ceiling of all grants. `None` for no ceiling.
    pub(crate) policy: Option<Arc<Policy>>,
    /// The folders in which steps write. `None` if nothing is to be written.
    pub(crate) staged: Option<StagedFolders>,
    /// The servers that resolve names. Empty for those of the system.
    pub(crate) name_servers: Vec<SocketAddr>,
    /// Responses of earlier runs. `None` without a cache.
    pub(crate) responses: Option<Arc<dyn ResponseStore>>,
    /// The answers of models that the run has paid for.
    pub(crate) journal: Journal,
    /// Counts the requests to models, which get placeholders instead of answers. `None` for a run.
    pub(crate) estimates: Option<Arc<Estimates>>,
}

/// A step whose component was loaded and accepted its parameters.
pub(super) struct LoadedStep {
    pub(super) component: Arc<Component>,
    pub(super) parameters: Arc<str>,
    pub(super) signature: Signature,
    pub(super) grants: StepGrants,
    pub(super) snapshot: Option<Arc<StepSnapshot>>,
}

/// The limits of a step: its own, then those of the pipeline, then the defaults.
pub(super) fn step_limits(config: &Config, step: &StepTable) -> Limits {
    Limits::default().with(&config.pipeline.limits).with(&step.limits)
}

/// The limits of the `manifest` call of a component, which is made once for all steps that share it: the smallest value of
/// each limit. A step whose limits are too small for the component would fail in `bind` anyway.
fn component_limits(config: &Config, component: &Path) -> Limits {
    let sharing = config.steps.iter().filter(|step| step.component.path() == component);
    let limits = sharing.map(|step| step_limits(config, step));
    limits.reduce(|one, other| one.smallest(&other)).unwrap_or_else(|| Limits::default().with(&config.pipeline.limits))
}

/// Loads and binds every step, on all cores. Steps with problems are `None` and have diagnostics.
pub(super) fn load(
    config: &Config,
    grants: Vec<StepGrants>,
    context: &PlanContext,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Option<LoadedStep>> {
    // A component that several steps share is built, read and compiled once.
    diagnostics.extend(config.steps.iter().filter_map(pin::check_folder));
    let steps = config.steps.iter().filter(|step| pin::check_folder(step).is_none());
    let mut paths: Vec<PathBuf> = steps.map(|step| step.component.path()).collect();
    paths.sort();
    paths.dedup();
    let components: Vec<(PathBuf, LoadResult<Arc<Component>>)> = build_folders(&paths, context)
        .into_par_iter()
        .map(|(path, wasm)| {
            let limits = component_limits(config, &path);
            // A panic on a thread of the pool is caught and resumed on the planner's thread.
            let sharing = config.steps.iter().find(|step| step.component.path() == path);
            let shown = sharing.and_then(|step| step.component.written_reference());
            let component = caught(|| wasm.and_then(|wasm| compile(&wasm, shown, &limits, context)));
            let component = component.unwrap_or_else(|panic| resume_unwind(panic));
            (path, component)
        })
        .collect();
    let mut loaded = Vec::with_capacity(config.steps.len());
    for (step, grants) in config.steps.iter().zip(grants) {
        let path = step.component.path();
        let found = components.iter().find(|(of, _)| *of == path).map(|(_, component)| component);
        loaded.push(match found {
            Some(Ok(component)) => {
                let bound = bind(config, step, component, grants, context);
                bound.map_err(|problems| diagnostics.extend(problems)).ok()
            }
            Some(Err(error)) => {
                if context.stop.reason().is_none() {
                    diagnostics.push(error.diagnostic(step));
                }
                None
            }
            None => None,
        });
    }
    loaded
}

type LoadResult<T> = Result<T, Box<dyn StepLoadError>>;

/// An error of a component, which is reported for every step that uses it.
trait StepLoadError: Send + Sync {
    fn diagnostic(&self, step: &StepTable) -> Diagnostic;
}

impl StepLoadError for BuildError {
    fn diagnostic(&self, step: &StepTable) -> Diagnostic {
        let kind = if self.is_step_fault() { FailureKind::Incompatible } else { FailureKind::Host };
        diagnostic_with_record(step, self, Failure::from_error(kind, self))
    }
}

impl StepLoadError for ComponentError {
    fn diagnostic(&self, step: &StepTable) -> Diagnostic {
        let mut help = None;
        let failure = match &self.kind {
            ComponentErrorKind::Manifest(failure)
            | ComponentErrorKind::Code(failure)
            | ComponentErrorKind::LoadLimit(failure) => {
                help = failure.hint.clone().filter(|_| failure.limit.is_some());
                (**failure).clone()
            }
            ComponentErrorKind::Read(error) if is_shortage(&error.to_string()) => {
                help = Some(SHORTAGE_HINT.into());
                Failure::from_error(FailureKind::Host, self).with_hint(SHORTAGE_HINT)
            }
            ComponentErrorKind::Read(error) if error.kind() == ErrorKind::NotFound => {
                let reference = suggestion(&step.component.written.to_string_lossy());
                help = reference.map(|reference| format!("for a component in a registry write `{reference}`"));
                Failure::from_error(FailureKind::Incompatible, self)
            }
            ComponentErrorKind::Compiler(_) => Failure::from_error(FailureKind::Host, self),
            ComponentErrorKind::Limit { name, value } => {
                let limit = LimitHit { name: (*name).into(), value: value.clone() };
                Failure { limit: Some(limit), ..Failure::from_error(FailureKind::Incompatible, self) }
            }
            _ => Failure::from_error(FailureKind::Incompatible, self),
        };
        let failure = Failure { component: failure.component.or_else(|| self.digest.clone()), ..failure };
        help.into_iter().fold(diagnostic_with_record(step, self, failure), Diagnostic::help)
    }
}

/// Creates a diagnostic with a failure record for a step that could not be loaded.
fn diagnostic_with_record(step: &StepTable, error: &dyn std::error::Error, failure: Failure) -> Diagnostic {
    let failure = Failure { step: Some(step.name.value.as_str().into()), ..failure };
    Diagnostic::from_error(step.component.location.clone(), error).failure(failure)
}

/// Returns the files of the components. Builds folders first.
fn build_folders(paths: &[PathBuf], context: &PlanContext) -> Vec<(PathBuf, LoadResult<PathBuf>)> {
    let build_one = |path: &PathBuf| -> LoadResult<PathBuf> {
        if !path.is_dir() {
            return Ok(path.clone());
        }
        if !context.no_build {
            (context.on_event)(&Event::Building { folder: path });
        }
        let options = BuildOptions::new().interrupt(&context.interrupt).cleanup(&context.cleanup);
        let on_event = |event: &Event<'_>| (context.on_event)(event);
        let options = options.rejected(context.no_build).profile(context.build_profile).on_event(&on_event);
        match build_step(path, options) {
            Ok(built) => Ok(built.wasm),
            Err(error) => Err(Box::new(error)),
        }
    };
    // Builds run one after the other, because cargo uses all cores itself and holds a lock.
    paths.iter().map(|path| (path.clone(), build_one(path))).collect()
}

/// Compiles a component. `shown` is its name in messages, if it is not that of the file.
fn compile(wasm: &Path, shown: Option<&Path>, limits: &Limits, context: &PlanContext) -> LoadResult<Arc<Component>> {
    let shown = shown.unwrap_or(wasm);
    (context.on_event)(&Event::Compiling { component: shown });
    match context.loader.load(wasm, limits, &context.stop) {
        Ok(component) => {
            (context.on_event)(&Event::Compiled { component: shown, cached: component.cached() });
            Ok(component)
        }
        Err(error) => Err(Box::new(ComponentError { path: shown.to_owned(), ..error })),
    }
}

fn bind(
    config: &Config,
    step: &StepTable,
    component: &Arc<Component>,
    grants: StepGrants,
    context: &PlanContext,
) -> Result<LoadedStep, Vec<Diagnostic>> {
    if let Some(diagnostic) = pin::check(step, component) {
        return Err(vec![diagnostic]);
    }
    let differences =
        context.locked.as_ref().map_or_else(Vec::new, |locked| lock::check(step, component, &grants.grants, locked));
    if !differences.is_empty() {
        return Err(differences);
    }
    let parameters: Arc<str> = serde_json::Value::Object(step.parameters.values.clone()).to_string().into();
    let limits = step_limits(config, step);
    let name: Arc<str> = step.name.value.as_str().into();
    let subject = CallSubject { step: Some(&name), ..CallSubject::function("bind") };
    let access = grants.access.as_ref();
    let options = CallOptions { limits: &limits, stop: &context.stop, seed: 0, access, log: None, subject };
    let bound = context.loader.bind(component, &parameters, &options);
    let signature = bound.map_err(|mut failure| {
        failure.step = Some(step.name.value.as_str().into());
        failure.component = Some(Arc::clone(component.digest()));
        vec![bind_diagnostic(step, *failure)]
    })?;
    let snapshot = StepSnapshot::new(&context.loader, component, &parameters, &limits, access);
    Ok(LoadedStep { component: Arc::clone(component), parameters, signature, grants, snapshot })
}

fn bind_diagnostic(step: &StepTable, failure: Failure) -> Diagnostic {
    let name = &step.name.value;
    let message = match failure.kind {
        FailureKind::Parameters => format!("step \"{name}\" does not accept its parameters: {}", failure.message),
        kind => format!("step \"{name}\" failed to bind its parameters ({kind}): {}", failure.message),
    };
    // Steps write the names of parameters between backticks, the wrong one first.
    let mentioned = |key: &&String| failure.message.find(&format!("`{key}`"));
    let named = step.parameters.values.keys().filter(|key| mentioned(key).is_some()).min_by_key(mentioned);
    let location = named.map_or(&step.parameters.location, |key| step.parameters.location_of(&format!("/{key}")));
    let mut diagnostic = Diagnostic::new(location.clone(), message).causes(&failure.causes);
    if let Some(hint) = &failure.hint {
        diagnostic = diagnostic.help(hint.clone());
    }
    diagnostic.failure(failure)
}
