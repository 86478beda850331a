//! Which Python compiles a step: that of the virtual environment that is active, or of a `.venv` in the step's folder or
//! one above it, or else the `python3` on the path.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::build::BuildError;

#[cfg(not(windows))]
const IN_ENVIRONMENT: &str = "bin/python";
#[cfg(windows)]
const IN_ENVIRONMENT: &str = "Scripts/python.exe";

#[cfg(not(windows))]
const ON_PATH: &str = "python3";
#[cfg(windows)]
const ON_PATH: &str = "python";

/// The program to run.
///
/// # Errors
/// `VIRTUAL_ENV` names an environment that is not there.
pub(super) fn find(dir: &Path) -> Result<OsString, BuildError> {
    if let Some(active) = env::var_os("VIRTUAL_ENV").filter(|active| !active.is_empty()) {
        let python = Path::new(&active).join(IN_ENVIRONMENT);
        if python.exists() {
            return Ok(python.into());
        }
        return Err(BuildError::NoPython { program: python.display().to_string() });
    }
    let absolute = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    Ok(around(&absolute).map_or_else(|| ON_PATH.into(), PathBuf::into_os_string))
}

/// The Python of the nearest `.venv`, up to the folder of the repository.
fn around(dir: &Path) -> Option<PathBuf> {
    for folder in dir.ancestors() {
        let python = folder.join(".venv").join(IN_ENVIRONMENT);
        if python.exists() {
            return Some(python);
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    None
}
