//! Loads steps: a component's file, and what the step answers when it is asked for its manifest and its signature.

mod step_snapshot;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use wasmtime::component::Linker;

use crate::component::{
    CompileCache, CompileContext, Compiler, Component, ComponentError, ComponentErrorKind, ComponentFile, Manifest,
    Signature, SnapshotMaker,
};
use crate::engine::{Attribution, CompileSettings, State, linker};
use crate::failure::{Failure, FailureKind};
use crate::interrupt::Stop;
use crate::limits::Limits;
use crate::monitor::{Span, SpanKind};
use crate::sandbox::{self, CallOptions, CallSubject, Sandbox};
use crate::text::cut;

pub(crate) use step_snapshot::StepSnapshot;

/// Bound of the path of a component in a span, in bytes.
const PATH_BYTES: usize = 500;

/// Compiles and links components for one engine, and calls `manifest` and `bind`.
pub(crate) struct ComponentLoader {
    sandbox: Arc<Sandbox>,
    linker: Linker<State>,
    settings: CompileSettings,
    cache: CompileCache,
    compiler: Compiler,
    /// Components that were loaded, by digest.
    loaded: Mutex<HashMap<Arc<str>, Arc<Component>>>,
    /// Whether a component did not fit into the pool of the engine.
    has_misfit: AtomicBool,
}

impl ComponentLoader {
    /// Creates a loader for an engine, with everything that components may import.
    pub(crate) fn new(
        (engine, settings): (wasmtime::Engine, CompileSettings),
        cache: CompileCache,
        compiler: Compiler,
    ) -> wasmtime::Result<Self> {
        let linker = linker(&engine)?;
        let sandbox = Arc::new(Sandbox::new(engine)?);
        Ok(Self {
            sandbox,
            linker,
            settings,
            cache,
            compiler,
            loaded: Mutex::default(),
            has_misfit: AtomicBool::new(false),
        })
    }

    pub(crate) fn sandbox(&self) -> &Arc<Sandbox> {
        &self.sandbox
    }

    /// Reads, compiles and links a component, and calls its `manifest`. A file that has been loaded before is only read.
    ///
    /// # Errors
    /// The file is not a step, or its `manifest` fails.
    pub(crate) fn load(&self, path: &Path, limits: &Limits, stop: &Stop) -> Result<Arc<Component>, ComponentError> {
        let file = ComponentFile::read(path)?;
        if let Some(component) = self.loaded.lock().get(&file.digest) {
            return Ok(Arc::clone(component));
        }
        let compiling = Span::new(SpanKind::Prepare, format!("compile {}", cut(&path.to_string_lossy(), PATH_BYTES)));
        let compiling = stop.monitor().begin(compiling);
        let component = file.compile(&CompileContext {
            linker: &self.linker,
            settings: self.settings,
            cache: &self.cache,
            compiler: &self.compiler,
            limits,
            stop,
        });
        drop(compiling);
        let is_misfit = |error: &ComponentError| matches!(error.kind, ComponentErrorKind::DoesNotFit(_));
        self.has_misfit.fetch_or(component.as_ref().is_err_and(is_misfit), Ordering::Relaxed);
        let mut component = component?;
        let options =
            CallOptions { limits, stop, seed: 0, access: None, log: None, subject: CallSubject::function("manifest") };
        let manifest = self.manifest(&component, &options).map_err(|mut failure| {
            let digest = Arc::clone(component.digest());
            failure.component = Some(Arc::clone(&digest));
            let kind = if failure.limit.is_some() {
                ComponentErrorKind::LoadLimit(failure)
            } else if !component.source().is_empty() && failure.kind == FailureKind::Panic {
                ComponentErrorKind::Code(code_failure(&failure))
            } else {
                ComponentErrorKind::Manifest(failure)
            };
            ComponentError { path: path.to_owned(), digest: Some(digest), kind }
        })?;
        component.set_manifest(manifest);
        let component = Arc::new(component);
        self.loaded.lock().insert(Arc::clone(component.digest()), Arc::clone(&component));
        Ok(component)
    }

    /// Where snapshots of its components are made and stored.
    fn snapshots(&self) -> SnapshotMaker {
        let (engine, compiler) = (self.sandbox.engine().clone(), self.compiler.clone());
        SnapshotMaker { engine, settings: self.settings, cache: self.cache.clone(), compiler }
    }

    /// Returns whether a component could not be loaded because its memories or tables do not fit into the pool of the engine.
    pub(crate) fn has_misfit(&self) -> bool {
        self.has_misfit.load(Ordering::Relaxed)
    }

    fn manifest(&self, component: &Component, options: &CallOptions<'_>) -> Result<Manifest, Box<Failure>> {
        let (manifest, _) = self.sandbox.call(component, options, async |store, guest| guest.manifest(store).await)?;
        Manifest::check(manifest)
    }

    /// Binds a component to its parameters, and returns its columns.
    ///
    /// # Errors
    /// The step rejects the parameters, fails, or returns a signature that breaks the contract.
    pub(crate) fn bind(
        &self,
        component: &Component,
        parameters: &str,
        options: &CallOptions<'_>,
    ) -> Result<Signature, Box<Failure>> {
        let (signature, captured) =
            self.sandbox.call(component, options, async |store, guest| guest.bind(store, parameters).await)?;
        let signature = signature.map_err(|error| Box::new(sandbox::from_step_error(error, &captured)))?;
        Signature::check(signature, component.manifest().kind).map_err(|mut failure| {
            captured.complete(&mut failure, Attribution::Call);
            failure
        })
    }
}

/// Returns the failure of an interpreter that cannot load its code, as a mistake in the code: `manifest` has no error in the contract, so
/// the interpreter reports it and traps.
fn code_failure(failure: &Failure) -> Box<Failure> {
    let own = Failure::new(FailureKind::GuestError, failure.message.clone());
    Box::new(Failure {
        location: failure.location.clone(),
        component: failure.component.clone(),
        log: failure.log.clone(),
        ..own
    })
}
