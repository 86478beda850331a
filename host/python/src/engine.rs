//! The engine of the process, which all steps and pipelines share.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use stillbox::{CleanupRegistry, Engine, Traps};
use stillbox_cli::{component_directory_of_user, result_directory_of_user};

use crate::signals::TrapHandlers;

/// The variable that names the folder of the caches, as for the command.
const CACHE: &str = "STILLBOX_CACHE";

static ENGINE: Mutex<Option<ProcessEngine>> = Mutex::new(None);
/// The process in which the engine was created; 0 before that.
static OWNER: AtomicU32 = AtomicU32::new(0);
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

/// The engine, for one call.
pub(crate) struct CurrentEngine {
    pub(crate) engine: Engine,
    pub(crate) generation: u64,
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
/// This process is a fork of the one that has created the engine.
pub(crate) fn current() -> PyResult<CurrentEngine> {
    // The lock may have been held by another thread when a process was forked, so it is taken after this.
    let process = std::process::id();
    let owner = OWNER.load(Ordering::Acquire);
    if owner != 0 && owner != process {
        return Err(PyRuntimeError::new_err(format!(
            "this process is a fork of process {owner}, which uses Stillbox, and a fork has none of its threads\n  hint: start \
             processes with the method \"spawn\" or \"forkserver\" (`multiprocessing.get_context(\"spawn\")`), or use Stillbox \
             in the child alone"
        )));
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
    Ok(CurrentEngine { engine: process.engine.clone(), generation: process.generation })
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
    if let Some(directory) = cache.map_or_else(result_directory_of_user, |cache| Some(cache.join("outputs"))) {
        engine = engine.result_cache(directory);
    }
    engine.build()
}
