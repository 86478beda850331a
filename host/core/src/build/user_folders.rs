//! The folders of this user for what builds need on this machine: the SDK, environments of Python, and compiled dependencies.
//!
//! They are found in the environment, like those of cargo and Python, which builds run.

use std::env;
use std::path::PathBuf;

use super::error::BuildError;

/// The variables that name the folders, and the defaults below the home folder.
const DATA: (&str, &str) =
    if cfg!(windows) { ("LOCALAPPDATA", r"AppData\Local") } else { ("XDG_DATA_HOME", ".local/share") };
const CACHE: (&str, &str) =
    if cfg!(windows) { ("LOCALAPPDATA", r"AppData\Local") } else { ("XDG_CACHE_HOME", ".cache") };

/// Returns the folder for the SDK that is part of this library.
pub(super) fn data() -> Result<PathBuf, BuildError> {
    folder(DATA)
}

/// Returns the folder for everything that a build can make again.
pub(super) fn cache() -> Result<PathBuf, BuildError> {
    folder(CACHE)
}

/// Returns the folder `stillbox` in the folder that a variable names, or in its default below the home folder.
fn folder((variable, default): (&str, &str)) -> Result<PathBuf, BuildError> {
    // The specification of these variables ignores relative paths.
    let named = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = named.or_else(|| env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(default)));
    base.map(|base| base.join("stillbox")).ok_or_else(|| BuildError::NoUserFolder { variable: variable.to_owned() })
}
