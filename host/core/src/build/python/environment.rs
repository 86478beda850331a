//! The private environments of Python in the user's cache folder: componentize-py in the version of the SDK, and the dependencies
//! of a step. Steps with the same dependencies share one.
//!
//! The SDK is not installed in them; it is found by `PYTHONPATH`, so a new version needs no new environment.

use std::env::{self, consts::EXE_SUFFIX};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::project::Project;
use crate::build::lock::BuildLock;
use crate::build::{BuildError, BuildOptions, user_folders};
use crate::digest::{digest_of_parts, first_digits};
use crate::event::Event;
use crate::os::{PYTHON, PYTHON_IN_ENVIRONMENT};
use crate::private_dir;
use crate::process::ProcessOutput;

/// The program that installs, where it exists: it takes a second for what pip takes ten for.
const UV: &str = "uv";

/// Prints what identifies a Python. Its exit code is 1 if it is too old for the SDK.
const IDENTIFY: &str = "
import sys, platform
print(sys.version_info[:3], sys.base_prefix, platform.machine(), platform.libc_ver())
sys.exit(sys.version_info < (3, 11))
";

/// Runs pip with all of its output on standard error.
const PIP: &str =
    "import runpy, sys; sys.stdout = sys.stderr; runpy.run_module('pip', run_name='__main__', alter_sys=True)";

/// The environment to make.
struct Wanted<'a> {
    dir: &'a Path,
    /// The requirements, sorted.
    packages: Vec<String>,
    has_uv: bool,
    /// The program, and what identifies it. `None` if uv has to bring one.
    python: Option<(&'static str, String)>,
    options: BuildOptions<'a>,
}

/// Returns the folder of the environment for a step, which is not removed until the lock is dropped. Makes it if it does not exist.
///
/// # Errors
/// There is no suitable Python, packages cannot be installed, the cache folder cannot be written, or the build was cancelled.
pub(super) fn prepare(
    dir: &Path,
    (step, sdk): (&Project, &Project),
    options: BuildOptions<'_>,
) -> Result<(PathBuf, Option<BuildLock>), BuildError> {
    let mut packages = sdk.dependencies.clone();
    packages.extend(step.other_dependencies().map(ToOwned::to_owned));
    packages.sort();
    packages.dedup();
    let has_uv = is_on_path(UV);
    let python = identify(PYTHON, options)?;
    if python.is_none() && !has_uv {
        return Err(BuildError::NoPython { program: PYTHON.into() });
    }
    let wanted = Wanted { dir, packages, has_uv, python, options };
    let all = user_folders::cache()?.join("python");
    let folder = all.join(wanted.name());
    private_dir::make_private(&all).map_err(|source| BuildError::Output { path: folder.clone(), source })?;
    let (lock, what) = (private_dir::lock_of_folder(&folder), "another build to install packages");
    loop {
        let shared = match BuildLock::share(&lock, what, options) {
            // Of a folder that cannot be written to, nothing is removed.
            Err(BuildError::Output { .. }) if is_complete(&folder) => return Ok((folder, None)),
            shared => shared?,
        };
        if is_complete(&folder) {
            private_dir::note_use_of_folder(&folder);
            return Ok((folder, Some(shared)));
        }
        drop(shared);
        let _exclusive = BuildLock::take(&lock, what, options)?;
        if !is_complete(&folder) {
            wanted.make(&folder)?;
        }
        // Until it is shared, `cache prune` may remove it: then it is made again.
    }
}

/// Returns whether an environment is complete, and its Python still exists.
fn is_complete(folder: &Path) -> bool {
    folder.join(private_dir::FOLDER_MARK).is_file() && folder.join(PYTHON_IN_ENVIRONMENT).exists()
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn is_on_path(program: &str) -> bool {
    let file = format!("{program}{EXE_SUFFIX}");
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(&file).is_file()))
}

/// Returns what identifies a Python, or `None` if it does not exist or is too old.
fn identify(program: &'static str, options: BuildOptions<'_>) -> Result<Option<(&'static str, String)>, BuildError> {
    let mut command = Command::new(program);
    // In a folder without modules that could hide others.
    command.args(["-I", "-c", IDENTIFY]).current_dir(env::temp_dir());
    match options.without_events().run(&mut command, &|_| ()) {
        Ok(None) => Err(BuildError::Interrupted),
        Ok(Some(finished)) if finished.status.success() => {
            Ok(Some((program, String::from_utf8_lossy(&finished.stdout).into_owned())))
        }
        Ok(Some(_)) | Err(_) => Ok(None),
    }
}

impl Wanted<'_> {
    /// The name of its folder: a digest.
    fn name(&self) -> String {
        let python = self.python.as_ref().map_or(UV, |(_, identity)| identity);
        let parts = [python].into_iter().chain(self.packages.iter().map(String::as_str));
        first_digits(&digest_of_parts(parts.map(str::as_bytes)), 16)
    }

    /// Makes the environment in a folder. The lock is held.
    fn make(&self, folder: &Path) -> Result<(), BuildError> {
        let unwritable = |source| BuildError::Output { path: folder.to_owned(), source };
        // The remains of an interrupted installation.
        let aside = folder.with_file_name(format!(".installing-{}", self.name()));
        for left in [&aside, folder] {
            remove(left).map_err(unwritable)?;
        }
        let _registered = self.options.cleanup.map(|cleanup| cleanup.add(&aside));
        let made = self.install(&aside).and_then(|()| {
            fs::write(aside.join(private_dir::FOLDER_MARK), self.packages.join("\n"))
                .and_then(|()| fs::rename(&aside, folder))
                .map_err(unwritable)
        });
        if made.is_err() {
            let _ = remove(&aside);
        }
        made
    }

    fn install(&self, folder: &Path) -> Result<(), BuildError> {
        let what = format!("{} (once, for all steps with these dependencies)", self.packages.join(", "));
        self.options.report(&Event::Installing { what: &what });
        let program = |name: &str| {
            let mut command = Command::new(name);
            command
                .current_dir(env::temp_dir())
                .env_remove("VIRTUAL_ENV")
                .env_remove("PYTHONHOME")
                .env_remove("PYTHONPATH");
            command
        };
        let mut make = program(if self.has_uv { UV } else { PYTHON });
        if self.has_uv {
            make.args([
                "venv",
                "--quiet",
                "--relocatable",
                "--python",
                self.python.as_ref().map_or(">=3.11", |(name, _)| name),
            ]);
        } else {
            make.args(["-m", "venv"]);
        }
        self.run(make.arg(folder))?;
        let python = folder.join(PYTHON_IN_ENVIRONMENT);
        let mut install = program(if self.has_uv { UV } else { python.to_str().unwrap_or_default() });
        if self.has_uv {
            install.args(["pip", "install", "--python"]).arg(&python);
        } else {
            install.args(["-c", PIP, "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]);
        }
        self.run(install.arg("--").args(&self.packages))
    }

    fn run(&self, command: &mut Command) -> Result<(), BuildError> {
        match super::run(command, self.options)? {
            None => Err(BuildError::Interrupted),
            Some(finished) if finished.status.success() => Ok(()),
            Some(finished) => Err(self.failed(&finished)),
        }
    }

    fn failed(&self, finished: &ProcessOutput) -> BuildError {
        let output = [&*finished.stdout, &*finished.stderr].concat();
        let output = String::from_utf8_lossy(&output).into_owned();
        let has = |texts: &[&str]| texts.iter().any(|text| output.contains(text));
        let manifest = self.dir.join("pyproject.toml");
        let help = if has(&["ensurepip is not"]) {
            "help: install uv, or the package of the system with the module `venv`, such as `apt install python3-venv`"
                .to_owned()
        } else if has(&[
            "name resolution",
            "NewConnectionError",
            "ConnectTimeout",
            "dns error",
            "error sending request",
            "Max retries",
        ]) {
            "help: packages are downloaded once; connect to the network, or set PIP_INDEX_URL (UV_INDEX_URL for uv) to an index that can \
             be reached"
                .to_owned()
        } else {
            format!("help: correct `dependencies` in `{}`", manifest.display())
        };
        BuildError::NotInstalled {
            dir: self.dir.to_owned(),
            what: self.packages.join(", "),
            output: important(&output),
            help,
        }
    }
}

/// Returns the errors of pip, without what it did before; the whole output of other programs.
fn important(output: &str) -> String {
    let errors: Vec<&str> = output.lines().filter(|line| line.starts_with("ERROR: ")).collect();
    if errors.is_empty() { output.trim().to_owned() } else { errors.join("\n") }
}
