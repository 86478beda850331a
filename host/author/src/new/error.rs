//! Errors of creating a new step.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// An error of creating a new step.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NewError {
    /// The name is not allowed.
    #[error(
        "`{name}` is not a valid name of a step: it {wrong}; a name has lower-case letters, digits and `-`, such as `{instead}`"
    )]
    Name {
        /// The name.
        name: String,
        /// The rule that the name breaks.
        wrong: String,
        /// An allowed name to suggest.
        instead: String,
    },
    /// The path does not end with a name.
    #[error(
        "`{}` is not the name of a new folder: give a path that does not exist yet, such as `count-words`", .path.display()
    )]
    NoName {
        /// The path as given.
        path: PathBuf,
    },
    /// A file or folder of that name exists already.
    #[error("`{}` already exists; choose another name, or remove it first", .path.display())]
    Exists {
        /// The path of the existing file or folder.
        path: PathBuf,
    },
    /// The given folder is not the SDK.
    #[error("`{}` is not the SDK: give the folder `guest-sdk` of a clone of Stillbox", .path.display())]
    NotTheSdk {
        /// The path as given.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}
