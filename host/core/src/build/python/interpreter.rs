//! The Python that compiles a step: that of the active virtual environment, or of a `.venv` in the step's folder or a
//! folder above it, or the `python3` on the path.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::build::BuildError;

const IN_ENVIRONMENT: &str = "bin/python";
const ON_PATH: &str = "python3";

/// Returns the program to run.
///
/// # Errors
/// `VIRTUAL_ENV` names an environment that does not exist.
pub(super) fn find(dir: &Path) -> Result<OsString, BuildError> {
    if let Some(active) = env::var_os("VIRTUAL_ENV").filter(|active| !active.is_empty()) {
        let python = Path::new(&active).join(IN_ENVIRONMENT);
        if python.exists() {
            return Ok(python.into());
        }
        return Err(BuildError::NoPython { program: python.display().to_string() });
    }
    let absolute = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    Ok(nearest_venv(&absolute).map_or_else(|| ON_PATH.into(), PathBuf::into_os_string))
}

/// Returns the Python of the nearest `.venv`, up to the root of the repository.
fn nearest_venv(dir: &Path) -> Option<PathBuf> {
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
