//! Why there is no new step.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why there is no new step.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NewError {
    /// The name does not do.
    #[error(
        "`{name}` is no name for a step: it {wrong}; a name has small letters, digits and `-`, such as `{instead}`"
    )]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        wrong: String,
        /// A name that does.
        instead: String,
    },
    /// There is no name in the path.
    #[error(
        "`{}` is not the name of a new folder: give the path of one that is not there yet, such as `count-words`", .path.display()
    )]
    NoName {
        /// What was given.
        path: PathBuf,
    },
    /// There is something of that name.
    #[error("`{}` is there already; choose another name, or remove it first", .path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// The SDK that a step needs is nowhere to be found.
    #[error(
        "cannot find the crate `stillbox-sdk`, which is not on crates.io: make the step inside a clone of Stillbox, or \
         give `--sdk PATH`, the folder `guest-sdk` of one"
    )]
    NoSdk,
    /// What was given is not the SDK.
    #[error("`{}` is not the SDK: give the folder `guest-sdk` of a clone of Stillbox", .path.display())]
    NotTheSdk {
        /// What was given.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}
