//! Building step folders, so that a pipeline may name a folder where it would name a component.
//!
//! A folder with a `Cargo.toml` is a step in Rust: an ordinary crate, whose author needs no profile, no target setting and
//! no tool beside cargo. A folder with a `pyproject.toml` is a step in Python. The tools' output is kept back, and shown
//! only when the build fails.

mod error;
mod manifest;
mod process;
mod python;
mod rust;
mod sdk;
mod slim;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use error::BuildError;
pub use sdk::{find_sdk, sdk_from};

use crate::cleanup::CleanupRegistry;

/// How steps are built.
#[derive(Clone, Copy, Default)]
pub struct BuildOptions<'a> {
    /// Where compiled files go; by default where cargo puts them, which is `target` beside the crate or its workspace.
    pub target_dir: Option<&'a Path>,
    /// Asked about twenty times a second; once it says true, the build is killed. By default nothing stops it.
    pub stop: Option<&'a dyn Fn() -> bool>,
    /// Where programs that run and folders that are made meanwhile are listed, for whoever ends the process before the build
    /// has come to its end. By default nowhere.
    pub cleanup: Option<&'a CleanupRegistry>,
}

/// A step that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The component: `stillbox/NAME.wasm` in cargo's target folder, or `build/NAME.wasm` in the folder of a Python step. In a target
    /// folder that is neither the crate's nor its workspace's it is `stillbox/DIGEST/NAME.wasm`, since crates of the same name may
    /// share it; the digest is that of the manifest's path.
    pub wasm: PathBuf,
    /// The name of the crate or project.
    pub name: String,
}

/// Builds the step in a folder.
///
/// The component is optimised for speed and keeps the functions and lines of the author's own code, so that a trap names
/// the file and the line. Where nothing has changed since the last time, this takes a fraction of a second.
///
/// # Errors
/// The folder is not there or holds no step, cargo and the target `wasm32-wasip2`, or Python and the SDK, are not
/// installed, the step does not compile, or the build was stopped.
pub fn build_step(dir: &Path, options: BuildOptions<'_>) -> Result<Built, BuildError> {
    if python::is_step(dir) {
        return python::build(dir, options);
    }
    let name = manifest::step_name(dir)?;
    let wasm = rust::build(&rust::program(), dir, options)?;
    Ok(Built { wasm, name })
}

/// Builds the steps in several folders, one after the other, since builds in one workspace wait for each other
/// anyway. Built together, crates would share the features of their dependencies, and a component would depend on
/// what happened to be built beside it.
///
/// # Errors
/// The folders whose builds failed, each with its error. After an interruption the rest is left out.
pub fn build_steps(dirs: &[PathBuf], options: BuildOptions<'_>) -> Result<Vec<Built>, Vec<(PathBuf, BuildError)>> {
    let mut built = Vec::with_capacity(dirs.len());
    let mut failed = Vec::new();
    for dir in dirs {
        match build_step(dir, options) {
            Ok(step) => built.push(step),
            Err(error) => {
                let interrupted = matches!(error, BuildError::Interrupted);
                failed.push((dir.clone(), error));
                if interrupted {
                    break;
                }
            }
        }
    }
    if failed.is_empty() { Ok(built) } else { Err(failed) }
}
