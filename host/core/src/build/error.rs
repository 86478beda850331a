//! Errors of a build.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::text::folder_name;

/// The way to an environment of Stillbox itself.
const FORGET: &str = "unset STILLBOX_PYTHON to have it installed by Stillbox";

/// An error of a build.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The folder does not exist.
    #[error("there is no folder `{}`", .dir.display())]
    NoFolder {
        /// The path as given.
        dir: PathBuf,
    },
    /// The folder contains no step.
    #[error("`{}` has no Cargo.toml, pyproject.toml or package.json: give the folder of a step, or a compiled .wasm file", .dir.display())]
    NoManifest {
        /// The folder.
        dir: PathBuf,
    },
    /// The manifest could not be read.
    #[error("cannot read `{}`", .manifest.display())]
    Unreadable {
        /// The manifest.
        manifest: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The manifest is that of a workspace without a package.
    #[error("`{}` has no [package]: give the folder of one of the crates in the workspace", .manifest.display())]
    NoPackage {
        /// The manifest.
        manifest: PathBuf,
    },
    /// The crate has no `cdylib` target.
    #[error("the crate does not compile to a component: add to `{}`\n\n[lib]\ncrate-type = [\"cdylib\"]", .manifest.display())]
    NoCdylib {
        /// The manifest.
        manifest: PathBuf,
    },
    /// The manifest of a step in Python or JavaScript is invalid.
    #[error("`{}`: {message}", .manifest.display())]
    Malformed {
        /// The manifest.
        manifest: PathBuf,
        /// The problem.
        message: String,
    },
    /// The sources of a step could not be read.
    #[error("cannot read the sources in `{}`", .dir.display())]
    Sources {
        /// The folder.
        dir: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The component could not be written.
    #[error("cannot write to `{}`", .path.display())]
    Output {
        /// The folder or file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The user has no folder for data or caches.
    #[error("cannot find the folder of this user: set HOME, or {variable}, to an absolute path")]
    NoUserFolder {
        /// The variable that names the folder.
        variable: String,
    },
    /// The SDK that is part of this program could not be unpacked.
    #[error("cannot unpack the SDK to `{}`: set XDG_DATA_HOME to another folder, or repair this one", .path.display())]
    Sdk {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The environment of a Python step could not be made.
    #[error("cannot install {what} for the step in `{}`\n\n{}\n\n{help}", folder_name(.dir), .output.trim_end())]
    NotInstalled {
        /// The step's folder.
        dir: PathBuf,
        /// The packages.
        what: String,
        /// The output of the installer, unchanged.
        output: String,
        /// The advice to the author.
        help: String,
    },
    /// The crate has no step.
    #[error("the crate `{name}` has no `#[step]`: add it to the function of the step in `{}`", .manifest.with_file_name("src").join("lib.rs").display())]
    NoStep {
        /// The crate's name.
        name: String,
        /// Its manifest.
        manifest: PathBuf,
    },
    /// The component for steps in JavaScript, which the user names, cannot be read.
    #[error("cannot read the JavaScript runtime `{}`: unset STILLBOX_JAVASCRIPT_RUNTIME to have it built by Stillbox", .path.display())]
    Runtime {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Python is not installed.
    #[error("cannot find `{program}`: install Python 3.11 or later, or give a compiled .wasm file")]
    NoPython {
        /// The program that was searched for.
        program: String,
    },
    /// The Python SDK is not installed.
    #[error("stillbox-sdk is not installed for `{}`: run `{install}`, or {FORGET}", .python.display())]
    NoPythonSdk {
        /// The Python that was found.
        python: PathBuf,
        /// The commands that install it.
        install: String,
    },
    /// The compiler of Python steps is not installed.
    #[error("componentize-py, which compiles Python steps, is not installed for `{}`: run `{install}`, or {FORGET}", .python.display())]
    NoComponentize {
        /// The Python that was found.
        python: PathBuf,
        /// The commands that install it, and the SDK.
        install: String,
    },
    /// Cargo is not installed.
    #[error("cannot find `{program}`: install Rust as https://rustup.rs says, or give a compiled .wasm file")]
    NoCargo {
        /// The program that was searched for.
        program: String,
    },
    /// The program could not be run, for another reason.
    #[error("cannot run `{program}`")]
    NotRun {
        /// The program.
        program: String,
        /// The cause.
        source: io::Error,
    },
    /// The target for steps is not installed.
    #[error("the target {target} is not installed: run `rustup target add {target}`")]
    NoTarget {
        /// The target.
        target: &'static str,
    },
    /// The crate does not compile.
    #[error("cannot build the step in `{}`\n\n{}", folder_name(.dir), .output.trim_end())]
    Failed {
        /// The crate's folder.
        dir: PathBuf,
        /// The output of cargo and the compiler, unchanged.
        output: String,
    },
    /// Cargo succeeded, but reported no component.
    #[error("cargo built the crate in `{}` but reported no component: check whether a feature disables its [lib]", folder_name(.dir))]
    NoArtifact {
        /// The crate's folder.
        dir: PathBuf,
    },
    /// The component did not pass the check of the options.
    #[error(transparent)]
    Unusable(Box<dyn Error + Send + Sync>),
    /// The options reject folders.
    #[error("`{}` is a folder, and `--no-build` rejects folders, because a build runs scripts of the step outside of the sandbox: give a compiled .wasm file", .dir.display())]
    Rejected {
        /// The folder.
        dir: PathBuf,
    },
    /// The build was cancelled by its interrupt.
    #[error("the build was cancelled")]
    Interrupted,
}

impl BuildError {
    /// Returns whether the step is at fault, rather than the machine that builds it.
    pub(crate) fn is_step_fault(&self) -> bool {
        match self {
            Self::NoFolder { .. }
            | Self::NoManifest { .. }
            | Self::Rejected { .. }
            | Self::Unreadable { .. }
            | Self::NoPackage { .. }
            | Self::NoCdylib { .. }
            | Self::Malformed { .. }
            | Self::Sources { .. }
            | Self::Failed { .. }
            | Self::NoStep { .. }
            | Self::Unusable(_)
            | Self::NotInstalled { .. }
            | Self::NoArtifact { .. } => true,
            Self::Output { .. }
            | Self::NoUserFolder { .. }
            | Self::Sdk { .. }
            | Self::Runtime { .. }
            | Self::NoPython { .. }
            | Self::NoPythonSdk { .. }
            | Self::NoComponentize { .. }
            | Self::NoCargo { .. }
            | Self::NotRun { .. }
            | Self::NoTarget { .. }
            | Self::Interrupted => false,
        }
    }
}
