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
    #[error("`{}` has no Cargo.toml or pyproject.toml: give the folder of a step, or a compiled .wasm file", .dir.display())]
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
    /// A Python project's manifest is wrong.
    #[error("`{}`: {message}", .manifest.display())]
    Malformed {
        /// The manifest.
        manifest: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The sources of a step could not be read.
    #[error("cannot read the sources in `{}`", .dir.display())]
    Sources {
        /// The folder.
        dir: PathBuf,
        /// Why they could not be read.
        source: io::Error,
    },
    /// What was built could not be written.
    #[error("cannot write to `{}`", .path.display())]
    Output {
        /// The folder or file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Python is not installed.
    #[error("cannot find `{program}`: install Python 3.11 or later, or give a compiled .wasm file")]
    NoPython {
        /// What was looked for.
        program: String,
    },
    /// The Python SDK is not installed.
    #[error("stillbox-sdk is not installed for `{}`: run `{install}`", .python.display())]
    NoPythonSdk {
        /// The Python that was found.
        python: PathBuf,
        /// The commands that install it.
        install: String,
    },
    /// The compiler of Python steps is not installed.
    #[error("componentize-py, which compiles Python steps, is not installed: run `{install}`")]
    NoComponentize {
        /// The commands that install it, and the SDK.
        install: String,
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

impl BuildError {
    /// Whether the step is at fault, and not the machine that it was to be built on.
    pub(crate) fn is_of_step(&self) -> bool {
        match self {
            Self::NoFolder { .. }
            | Self::NoManifest { .. }
            | Self::Unreadable { .. }
            | Self::NoPackage { .. }
            | Self::NoCdylib { .. }
            | Self::Malformed { .. }
            | Self::Sources { .. }
            | Self::Failed { .. }
            | Self::NoArtifact { .. } => true,
            Self::Output { .. }
            | Self::NoPython { .. }
            | Self::NoPythonSdk { .. }
            | Self::NoComponentize { .. }
            | Self::NoCargo { .. }
            | Self::NotRun { .. }
            | Self::NoTarget
            | Self::Interrupted => false,
        }
    }
}
