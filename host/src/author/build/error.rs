//! Why a step could not be built.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::rust::TARGET;

/// Why a step could not be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is no such folder.
    #[error("there is no folder `{}`", .dir.display())]
    NoFolder {
        /// What was given.
        dir: PathBuf,
    },
    /// The folder is not that of a crate.
    #[error("`{}` has no Cargo.toml: give the folder of a step crate, or a compiled .wasm file", .dir.display())]
    NoManifest {
        /// The folder.
        dir: PathBuf,
    },
    /// The crate's manifest could not be read.
    #[error("cannot read `{}`", .manifest.display())]
    Unreadable {
        /// The manifest.
        manifest: PathBuf,
        /// Why it could not be read.
        source: io::Error,
    },
    /// The folder is that of a workspace without a crate of its own.
    #[error("`{}` has no [package]: give the folder of one of the workspace's crates", .manifest.display())]
    NoPackage {
        /// The manifest.
        manifest: PathBuf,
    },
    /// The crate is not compiled to a library that can be loaded.
    #[error("the crate does not compile to a component: add to `{}`\n\n[lib]\ncrate-type = [\"cdylib\"]", .manifest.display())]
    NoCdylib {
        /// The manifest.
        manifest: PathBuf,
    },
    /// Cargo is not installed.
    #[error("cannot find `{program}`: install Rust as https://rustup.rs says, or give a compiled .wasm file")]
    NoCargo {
        /// What was looked for.
        program: String,
    },
    /// Cargo could not be run, for another reason.
    #[error("cannot run `{program}`")]
    NotRun {
        /// What was to be run.
        program: String,
        /// Why it did not.
        source: io::Error,
    },
    /// The compiler lacks the target that steps are compiled for.
    #[error("the compiler cannot compile steps yet: run `rustup target add {TARGET}`")]
    NoTarget,
    /// The crate does not compile.
    #[error("the step in `{}` does not build\n\n{}", .dir.display(), .output.trim_end())]
    Failed {
        /// The crate's folder.
        dir: PathBuf,
        /// What cargo and the compiler said, as it was.
        output: String,
    },
    /// Cargo was content, but named no component.
    #[error("cargo built the crate in `{}` and named no component; is its [lib] left out by a feature?", .dir.display())]
    NoArtifact {
        /// The crate's folder.
        dir: PathBuf,
    },
    /// The build was stopped.
    #[error("the build was interrupted")]
    Interrupted,
}
