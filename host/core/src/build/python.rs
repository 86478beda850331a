//! A Python step: the SDK, which is a Python package, compiles it with componentize-py.
//!
//! The component is `build/NAME.wasm` in the step's folder. Beside it lies the digest of what it was made of, so that
//! an unchanged step is not compiled again, which takes seconds.

mod digest;
mod interpreter;
mod project;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use wasm_encoder::{CustomSection, Section as _};

use super::error::BuildError;
use super::process::{self, Finished};
use super::{BuildOptions, Built};

use crate::component::{SDK_SECTION, origin};
use crate::text::shell_word;

pub(super) use project::is_step;

/// How the SDK ends when componentize-py is missing.
const NO_COMPONENTIZE: i32 = 3;

/// What Python says when the SDK is missing.
const NO_SDK: &str = "No module named stillbox_sdk";

/// Builds the step in a folder with a `pyproject.toml`.
pub(super) fn build(dir: &Path, options: BuildOptions<'_>) -> Result<Built, BuildError> {
    let name = project::name(dir)?;
    let python = interpreter::find(dir)?;
    let folder = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let output = options.target_dir.map_or_else(
        || folder.join("build"),
        |target| std::path::absolute(target).unwrap_or_else(|_| target.to_owned()).join("python"),
    );
    let wasm = output.join(format!("{name}.wasm"));
    let given = output.join(format!("{name}.digest"));
    let Some(tools) = versions(&python, dir, options)? else { return Err(BuildError::Interrupted) };
    let digest = digest::of(&folder, &tools).map_err(|source| BuildError::Sources { dir: dir.to_owned(), source })?;
    if wasm.is_file() && fs::read_to_string(&given).is_ok_and(|before| before == digest) {
        return Ok(Built { wasm, name });
    }
    let unwritable = |source| BuildError::Output { path: output.clone(), source };
    fs::create_dir_all(&output).map_err(unwritable)?;
    // All that the compiler makes on its way is in here, so that nothing of it is left when it is killed.
    let aside = tempfile::Builder::new().prefix(".making-").tempdir_in(&output).map_err(unwritable)?;
    let _listed = options.cleanup.map(|cleanup| cleanup.add(aside.path()));
    let made = aside.path().join(format!("{name}.wasm"));
    let mut command = Command::new(&python);
    command.args(["-m", "stillbox_sdk.build", "--output"]).arg(&made).arg(&folder).env("TMPDIR", aside.path());
    // Python looks for modules in the folder that it runs in; the step's own are not for the compiler.
    command.current_dir(&output);
    let Some(finished) = run(&mut command, &python, options)? else { return Err(BuildError::Interrupted) };
    if !finished.status.success() {
        return Err(failed(dir, &python, &finished));
    }
    if !made.is_file() {
        return Err(BuildError::NoArtifact { dir: dir.to_owned() });
    }
    name_sdk(&made, &tools).map_err(unwritable)?;
    fs::rename(&made, &wasm).map_err(unwritable)?;
    // Written last: a component without a digest is compiled again.
    fs::write(&given, digest).map_err(unwritable)?;
    Ok(Built { wasm, name })
}

/// Adds the section that says which SDK made the component, unless the SDK has done so itself.
fn name_sdk(wasm: &Path, tools: &str) -> io::Result<()> {
    let mut component = fs::read(wasm)?;
    if origin(&component).sdk.is_some() {
        return Ok(());
    }
    let version = tools.lines().next().and_then(|line| line.split_whitespace().nth_back(1)).unwrap_or("-");
    let text = format!("python {version}\n");
    CustomSection { name: SDK_SECTION.into(), data: text.as_bytes().into() }.append_to(&mut component);
    fs::write(wasm, component)
}

/// The versions of Python, the SDK and componentize-py in a line, and where the step has dependencies, all that is installed
/// in further lines: a text for the digest.
fn versions(python: &OsStr, dir: &Path, options: BuildOptions<'_>) -> Result<Option<String>, BuildError> {
    const SCRIPT: &str = "
import sys
from importlib import metadata, util
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return '-'
if util.find_spec('stillbox_sdk') is None:
    sys.exit('No module named stillbox_sdk')
print(sys.version_info[:2], version('stillbox-sdk'), version('componentize-py'))
if sys.argv[1] == 'all':
    for line in sorted({f\"{each.metadata['Name']} {each.version}\" for each in metadata.distributions()}):
        print(line)
";
    let mut command = Command::new(python);
    // Not in the step's folder: its modules may have the names of others.
    let which = if project::has_dependencies(dir) { "all" } else { "own" };
    command.args(["-c", SCRIPT, which]).current_dir(std::env::temp_dir());
    let Some(finished) = run(&mut command, python, options)? else { return Ok(None) };
    if !finished.status.success() {
        return Err(failed(dir, python, &finished));
    }
    Ok(Some(String::from_utf8_lossy(&finished.stdout).into_owned()))
}

fn run(command: &mut Command, python: &OsStr, options: BuildOptions<'_>) -> Result<Option<Finished>, BuildError> {
    process::run(command, options).map_err(|source| {
        let program = python.to_string_lossy().into_owned();
        match source.kind() {
            io::ErrorKind::NotFound => BuildError::NoPython { program },
            _ => BuildError::NotRun { program, source },
        }
    })
}

fn failed(dir: &Path, python: &OsStr, finished: &Finished) -> BuildError {
    let output = String::from_utf8_lossy(&finished.stderr).into_owned();
    let python = PathBuf::from(python);
    if output.trim_end().ends_with(NO_SDK) {
        return BuildError::NoPythonSdk { python, install: install(dir) };
    }
    match finished.status.code() {
        Some(NO_COMPONENTIZE) => BuildError::NoComponentize { install: install(dir) },
        _ => BuildError::Failed { dir: dir.to_owned(), output },
    }
}

/// The commands that install the SDK, which brings componentize-py.
fn install(dir: &Path) -> String {
    let sdk = super::find_sdk(dir).map(|sdk| sdk.canonicalize().unwrap_or(sdk));
    let sdk = sdk.map_or_else(|| "CLONE-OF-STILLBOX/guest-sdk/python".into(), |sdk| word(&sdk.join("python")));
    let venv = dir.join(".venv");
    format!("python3 -m venv {} && {} install {sdk}", word(&venv), word(&venv.join("bin/pip")))
}

/// A path as a word of a command.
fn word(path: &Path) -> String {
    shell_word(&path.display().to_string()).into_owned()
}
