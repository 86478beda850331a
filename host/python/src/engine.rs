//! The engine of the process, which all steps and pipelines share.

use std::ffi::OsString;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use stillbox::{CleanupRegistry, Engine, Traps};
use stillbox_cli::{component_directory_of_user, download_directory_of_user, result_directory_of_user};

use crate::signals::TrapHandlers;

/// The variable that names the folder of the caches, as for the command.
const CACHE: &str = "STILLBOX_CACHE";

static ENGINE: Mutex<Option<ProcessEngine>> = Mutex::new(None);
/// The process in which the engine was created; 0 before that.
static OWNER: AtomicU32 = AtomicU32::new(0);
/// Calls that use the engine. In a fork it has the number of the moment of the fork until this process has an engine.
static CALLS: AtomicUsize = AtomicUsize::new(0);
/// The command that starts this program's compiler.
static COMPILER: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct ProcessEngine {
    engine: Engine,
    traps: Traps,
    /// Counts the engines of this process. Steps belong to one of them.
    generation: u64,
    /// The handlers after the engine had installed its own. `None` until it is first used.
    handlers: Option<TrapHandlers>,
}

/// The engine, for one call, and the threads that work for it.
#[derive(Clone)]
pub(crate) struct CurrentEngine {
    pub(crate) engine: Engine,
    pub(crate) generation: u64,
    _call: Arc<Call>,
}

/// A call that is counted as long as this lives.
struct Call;

impl Call {
    fn start() -> Arc<Self> {
        CALLS.fetch_add(1, Ordering::AcqRel);
        Arc::new(Self)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        CALLS.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Sets the command that starts the compiler in a process of its own.
#[pyfunction]
pub(crate) fn start(compiler: Vec<String>) {
    *COMPILER.lock() = compiler;
}

/// Returns the engine, and creates it when it is first needed. Another one is created once the handlers of signals have
/// changed: a handler that does not know of guests would end the process at a trap.
///
/// # Errors
/// This process was forked during a call in another thread.
pub(crate) fn current() -> PyResult<CurrentEngine> {
    // All calls come from Python, so the GIL is held from here to the end.
    let process = std::process::id();
    if ![0, process].contains(&OWNER.load(Ordering::Acquire)) {
        leave_to_parent(process)?;
    }
    let mut current = ENGINE.lock();
    if let Some(process) = &mut *current
        && process.traps == Traps::Signals
        && process.handlers.is_some_and(|handlers| handlers != TrapHandlers::now())
    {
        let generation = process.generation + 1;
        *process = ProcessEngine { engine: build(Traps::Checks), traps: Traps::Checks, generation, handlers: None };
    }
    let process = current.get_or_insert_with(|| {
        OWNER.store(process, Ordering::Release);
        ProcessEngine { engine: build(Traps::Signals), traps: Traps::Signals, generation: 0, handlers: None }
    });
    Ok(CurrentEngine { engine: process.engine.clone(), generation: process.generation, _call: Call::start() })
}

/// A value that depends on an engine. It is not freed in a fork of the process that has created it.
pub(crate) struct OwnedByProcess<T> {
    process: u32,
    /// Always there, until it is dropped.
    value: Option<T>,
}

impl<T> OwnedByProcess<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { process: std::process::id(), value: Some(value) }
    }
}

impl<T> Deref for OwnedByProcess<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("the value is there until it is dropped")
    }
}

impl<T> DerefMut for OwnedByProcess<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("the value is there until it is dropped")
    }
}

impl<T> Drop for OwnedByProcess<T> {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            std::mem::forget(self.value.take());
        }
    }
}

/// Replaces the engine of a parent process by an own one.
fn leave_to_parent(process: u32) -> PyResult<()> {
    let owner = OWNER.load(Ordering::Acquire);
    // A thread that does not exist here may hold any lock. Without a call none does. Other systems than Linux have threads that are
    // needed between calls.
    if CALLS.load(Ordering::Acquire) != 0 || !cfg!(target_os = "linux") {
        return Err(PyRuntimeError::new_err(format!(
            "this process was forked from process {owner} while that used Stillbox, and a fork has none of its threads\n  hint: \
             fork between calls, or start processes with the method \"spawn\" or \"forkserver\" \
             (`multiprocessing.get_context(\"spawn\")`)"
        )));
    }
    let mut current = ENGINE.lock();
    if let Some(parent) = current.take() {
        let generation = parent.generation + 1;
        *current = Some(ProcessEngine { engine: build(parent.traps), traps: parent.traps, generation, handlers: None });
        std::mem::forget(parent);
    }
    OWNER.store(process, Ordering::Release);
    Ok(())
}

/// Notes the handlers of signals after the engine was used for the first time.
pub(crate) fn note_handlers(used: &CurrentEngine) {
    if let Some(process) = &mut *ENGINE.lock()
        && process.generation == used.generation
    {
        process.handlers.get_or_insert_with(TrapHandlers::now);
    }
}

fn build(traps: Traps) -> Engine {
    let mut engine = Engine::builder().traps(traps);
    if let [program, arguments @ ..] = &**COMPILER.lock() {
        let arguments = arguments.iter().map(OsString::from).chain(["compile-component".into()]);
        engine = engine.compiler(program, arguments, &CleanupRegistry::new());
    }
    let cache = std::env::var_os(CACHE).map(PathBuf::from);
    if let Some(directory) = cache.clone().or_else(component_directory_of_user) {
        engine = engine.compile_cache(directory);
    }
    let downloads = cache.as_ref().map(|cache| cache.join("downloads")).or_else(download_directory_of_user);
    if let Some(directory) = downloads {
        engine = engine.downloads(directory);
    }
    if let Some(directory) = cache.map_or_else(result_directory_of_user, |cache| Some(cache.join("outputs"))) {
        engine = engine.result_cache(directory);
    }
    engine.build()
}
