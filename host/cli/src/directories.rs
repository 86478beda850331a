//! The directories for caches and for the state of runs: those of the arguments, or those of the user.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use etcetera::{BaseStrategy as _, choose_base_strategy};
use stillbox::{CleanupRegistry, Engine};

use crate::args::{Global, StateDirectory};
use crate::program;

/// Returns the directory of compiled components, or `None` if the user has no directory for caches.
pub(crate) fn component_directory(global: &Global) -> Option<PathBuf> {
    global.cache_dir.clone().or_else(component_directory_of_user)
}

/// Returns the directory of cached results of steps, or `None` if the user has no directory for caches.
pub(crate) fn result_directory(global: &Global) -> Option<PathBuf> {
    global.cache_dir.clone().map_or_else(result_directory_of_user, |directory| Some(directory.join("outputs")))
}

/// Returns the directory of components that were downloaded, or `None` if the user has no directory for caches.
pub(crate) fn download_directory(global: &Global) -> Option<PathBuf> {
    global.cache_dir.clone().map_or_else(download_directory_of_user, |directory| Some(directory.join("downloads")))
}

/// Returns the directory of components that were downloaded by this user, or `None` if there is no directory for caches.
pub fn download_directory_of_user() -> Option<PathBuf> {
    user_cache().map(|directory| directory.join("downloads"))
}

/// Returns the directory of compiled components of this user, or `None` if there is no directory for caches.
pub fn component_directory_of_user() -> Option<PathBuf> {
    user_cache().map(|directory| directory.join("components"))
}

/// Returns the directory of cached results of steps of this user, or `None` if there is no directory for caches.
pub fn result_directory_of_user() -> Option<PathBuf> {
    user_cache().map(|directory| directory.join("outputs"))
}

/// Returns the directories with what builds store. There are none in a directory of the arguments.
pub(crate) fn build_directories(global: &Global) -> Vec<PathBuf> {
    let user = if global.cache_dir.is_none() { user_cache() } else { None };
    user.map_or_else(Vec::new, |cache| stillbox::result_cache::build_caches(&cache))
}

/// Returns the engine of this process, with its caches in these directories.
pub(crate) fn engine(global: &Global, threads: Option<NonZeroUsize>, cleanup: &CleanupRegistry) -> Engine {
    let mut engine = Engine::builder();
    if let Some((program, arguments)) = program::get().command.split_first() {
        let arguments = arguments.iter().cloned().chain(["compile-component".into()]);
        engine = engine.compiler(program, arguments, cleanup);
    } else {
        tracing::warn!(
            "the memory of the compiler is not limited, because the path of this program is not known: /proc may be missing"
        );
    }
    if let Some(directory) = component_directory(global) {
        engine = engine.compile_cache(directory);
    }
    if let Some(directory) = result_directory(global) {
        engine = engine.result_cache(directory);
    }
    if let Some(directory) = download_directory(global) {
        engine = engine.downloads(directory);
    }
    if let Some(threads) = threads {
        engine = engine.threads(threads.into());
    }
    engine.build()
}

/// Returns the directory for the state of runs, or `None` if the user has no such directory.
pub(crate) fn state_directory(state: &StateDirectory) -> Option<PathBuf> {
    if let Some(directory) = &state.state_dir {
        return Some(directory.clone());
    }
    match choose_base_strategy() {
        Ok(directories) => {
            // Windows has no folder for states. That of data follows the user to other machines.
            let state = directories.state_dir().unwrap_or_else(|| directories.cache_dir());
            Some(state.join("stillbox").join("runs"))
        }
        Err(error) => {
            tracing::warn!("runs cannot be resumed: {error}");
            None
        }
    }
}

fn user_cache() -> Option<PathBuf> {
    let directories = choose_base_strategy();
    directories
        .inspect_err(|error| tracing::warn!("nothing is cached between runs: {error}"))
        .ok()
        .map(|directories| directories.cache_dir().join("stillbox"))
}
