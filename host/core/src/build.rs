//! Builds step folders, so that a pipeline file can name a folder in place of a component.
//!
//! A folder with a `Cargo.toml` is a step in Rust: an ordinary crate, whose author needs no profile, no target setting and
//! no tool other than cargo. A folder with a `pyproject.toml` is a step in Python, and one with a `package.json` a step in
//! JavaScript. The output of the tools is shown only when the build fails.

mod component_file;
mod error;
mod exports;
mod javascript;
mod lock;
mod manifest;
mod options;
mod python;
mod rust;
mod sdk;
mod slim;
mod source_file;
#[cfg(test)]
mod tests;
mod user_folders;

use std::path::{Path, PathBuf};

pub use error::BuildError;
pub use options::{BuildOptions, BuildProfile};
pub use sdk::{find_sdk, sdk_for, sdk_from};

/// The result of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Built {
    /// The component: `stillbox/NAME.wasm` in cargo's target folder, or `build/NAME.wasm` in the folder of a step in Python or JavaScript. The
    /// folder is `stillbox-dev` with [`BuildProfile::Development`]. A target folder outside of the crate and its workspace can be
    /// shared by crates of the same name; there the component is `stillbox/DIGEST/NAME.wasm`, with the digest of the manifest's
    /// path.
    pub wasm: PathBuf,
    /// The name of the crate or project.
    pub name: String,
}

/// The manifests of which the folder of a step has one.
const MANIFESTS: [&str; 3] = ["Cargo.toml", "pyproject.toml", "package.json"];

/// Returns whether a folder has the manifest of a step.
pub fn has_manifest(dir: &Path) -> bool {
    MANIFESTS.iter().any(|manifest| dir.join(manifest).exists())
}

/// Builds the step in a folder.
///
/// The component is optimised for speed and keeps the functions and lines of the author's own code, so that a trap names
/// the file and the line. If nothing has changed since the last build, this takes a fraction of a second.
///
/// # Errors
/// The folder does not exist or contains no step, cargo and the target `wasm32-wasip2`, or Python and the SDK, are not
/// installed, the step does not compile, the options reject folders, or the build was cancelled.
pub fn build_step(dir: &Path, options: BuildOptions<'_>) -> Result<Built, BuildError> {
    if options.is_rejected() {
        return Err(BuildError::Rejected { dir: dir.to_owned() });
    }
    // First: its manifest can say so where there are others.
    if javascript::is_step(dir) {
        return javascript::build(dir, options);
    }
    if python::is_step(dir) {
        return python::build(dir, options);
    }
    let name = manifest::step_name(dir)?;
    let wasm = rust::build(&rust::program(), dir, options)?;
    Ok(Built { wasm, name })
}

/// Builds the steps in several folders, one after the other: builds in one workspace wait for each other anyway, and crates
/// built together would share the features of their dependencies, so that a component would depend on the other folders.
///
/// # Errors
/// The folders whose builds failed, each with its error. After a cancel the remaining folders are skipped.
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
