//! The Python that compiles a step: the one that the author asks for, or else that of an environment that Stillbox makes.
//!
//! The author asks by the variable `STILLBOX_PYTHON`, or by an environment in which the SDK is installed: the active one, or a `.venv`
//! in the step's folder or a folder above it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::environment;
use super::project::Project;
use crate::build::lock::BuildLock;
use crate::build::{BuildError, BuildOptions, sdk};
use crate::os::PYTHON_IN_ENVIRONMENT;

/// A Python with componentize-py and the SDK.
pub(super) struct Interpreter {
    pub(super) program: OsString,
    /// The SDK, for an environment in which it is not installed.
    pub(super) sdk: Option<Sdk>,
    /// Keeps an environment of the cache from being removed.
    _lock: Option<BuildLock>,
}

/// The SDK that is found by `PYTHONPATH`.
pub(super) struct Sdk {
    pub(super) folder: PathBuf,
    /// The settings of its Python package.
    pub(super) project: Project,
}

impl Interpreter {
    /// Returns a command that runs it.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(sdk) = &self.sdk {
            command.env("PYTHONPATH", sdk.folder.join("python/src")).env("PYTHONDONTWRITEBYTECODE", "1");
            command.env_remove("PYTHONHOME").env_remove("VIRTUAL_ENV");
        }
        command
    }

    /// Returns the version of the SDK, if it is not installed.
    pub(super) fn sdk_version(&self) -> Option<&str> {
        self.sdk.as_ref()?.project.version.as_deref()
    }
}

/// Finds the Python for a step, and makes an environment if necessary.
///
/// # Errors
/// `STILLBOX_PYTHON` names a program that does not exist, or the environment cannot be made.
pub(super) fn find(dir: &Path, project: &Project, options: BuildOptions<'_>) -> Result<Interpreter, BuildError> {
    if let Some(program) = asked_for(dir)? {
        return Ok(Interpreter { program, sdk: None, _lock: None });
    }
    let folder = sdk::sdk_for(dir)?;
    let sdk = Sdk { project: Project::read(&folder.join("python"))?, folder };
    let (environment, lock) = environment::prepare(dir, (project, &sdk.project), options)?;
    Ok(Interpreter { program: environment.join(PYTHON_IN_ENVIRONMENT).into(), sdk: Some(sdk), _lock: lock })
}

fn asked_for(dir: &Path) -> Result<Option<OsString>, BuildError> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(given) = set("STILLBOX_PYTHON") {
        // Commands run in other folders.
        let is_path = Path::new(&given).components().count() > 1 || Path::new(&given).is_dir();
        let path =
            if is_path { std::path::absolute(&given).unwrap_or_else(|_| PathBuf::from(&given)) } else { given.into() };
        if !path.is_dir() {
            return Ok(Some(path.into()));
        }
        let python = path.join(PYTHON_IN_ENVIRONMENT);
        let missing = || BuildError::NoPython { program: python.display().to_string() };
        return if python.exists() { Ok(Some(python.clone().into())) } else { Err(missing()) };
    }
    let active = set("VIRTUAL_ENV").map(PathBuf::from);
    let absolute = dunce::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let found = active.into_iter().chain(venvs(&absolute)).find(|environment| has_sdk(environment));
    Ok(found.map(|environment| environment.join(PYTHON_IN_ENVIRONMENT).into()))
}

/// Returns the folders `.venv` of a folder and those above it, up to the root of the repository.
fn venvs(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let mut is_inside = true;
    let folders =
        dir.ancestors().take_while(move |folder| std::mem::replace(&mut is_inside, !folder.join(".git").exists()));
    folders.map(|folder| folder.join(".venv")).collect::<Vec<_>>().into_iter()
}

/// Returns whether the SDK is installed in an environment, by its folder or its metadata.
fn has_sdk(environment: &Path) -> bool {
    let is_sdk = |name: &OsStr| name.to_string_lossy().starts_with("stillbox_sdk");
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let has = |packages: &Path| entries(packages).any(|entry| is_sdk(&entry.file_name()));
    environment.join(PYTHON_IN_ENVIRONMENT).exists()
        // On Windows the folder is not below that of a version.
        && (has(&environment.join("Lib/site-packages"))
            || entries(&environment.join("lib")).any(|version| has(&version.path().join("site-packages"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_counts_if_the_sdk_is_installed_in_it() {
        let folder = tempfile::tempdir().expect("there is room");
        let environment = folder.path().join(".venv");
        let packages = environment.join("lib/python3.12/site-packages");
        fs::create_dir_all(packages.join("stillbox")).expect("there is room");
        fs::create_dir(environment.join("bin")).expect("there is room");
        fs::write(environment.join(PYTHON_IN_ENVIRONMENT), "").expect("there is room");
        assert!(!has_sdk(&environment));
        fs::create_dir(packages.join("stillbox_sdk-0.1.0.dist-info")).expect("there is room");
        assert!(has_sdk(&environment));
    }

    #[test]
    fn environments_above_the_repository_do_not_count() {
        let folder = tempfile::tempdir().expect("there is room");
        let step = folder.path().join("repository/steps/a");
        fs::create_dir_all(&step).expect("there is room");
        fs::create_dir(folder.path().join("repository/.git")).expect("there is room");
        let found: Vec<_> = venvs(&step).collect();
        let repository = folder.path().join("repository");
        assert_eq!(found, [step.join(".venv"), repository.join("steps/.venv"), repository.join(".venv")]);
    }
}
