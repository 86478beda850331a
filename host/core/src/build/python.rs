//! Builds a Python step: the SDK, which is a Python package, compiles it with componentize-py.
//!
//! For tests, steps share a component with the interpreter, and carry their own modules as text: then an edit compiles nothing.
//!
//! The component is `build/NAME.wasm` in the step's folder. The digest of its inputs, and its length, are stored next to it, so that an
//! unchanged step is not compiled again, which takes seconds.

mod components;
mod digest;
mod environment;
mod interpreter;
mod project;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use wasm_encoder::{CustomSection, Section as _};

use super::error::BuildError;
use super::{BuildOptions, BuildProfile, Built, user_folders};
use components::ComponentStore;
use interpreter::Interpreter;
use project::Project;

use crate::component::{SDK_SECTION, SOURCE_SECTION, toolchain};
use crate::private_dir;
use crate::process::ProcessOutput;
use crate::text::shell_word;

pub(super) use project::is_step;

/// The exit code of the SDK if componentize-py is missing.
const NO_COMPONENTIZE: i32 = 3;

/// The message of Python if the SDK is missing.
const NO_SDK: &str = "No module named stillbox_sdk";

/// Builds the step in a folder with a `pyproject.toml`.
pub(super) fn build(dir: &Path, options: BuildOptions<'_>) -> Result<Built, BuildError> {
    let project = Project::read(dir)?;
    let name = project.name.clone();
    let python = interpreter::find(dir, &project, options)?;
    let folder = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let mut output = options.target_dir.map_or_else(
        || folder.join("build"),
        |target| std::path::absolute(target).unwrap_or_else(|_| target.to_owned()).join("python"),
    );
    let is_for_tests = options.profile == BuildProfile::Development;
    if is_for_tests {
        output.push("development");
    }
    let wasm = output.join(format!("{name}.wasm"));
    let digest_file = output.join(format!("{name}.digest"));
    let Some(tools) = versions(&python, (dir, &project), options)? else { return Err(BuildError::Interrupted) };
    let digest = digest::digest_of_step(&folder, &project.module, &tools)
        .map_err(|source| BuildError::Sources { dir: dir.to_owned(), source })?;
    // The length is that of the component: it may be truncated if the computer lost power.
    let stamp = || fs::metadata(&wasm).map(|file| format!("{digest} {}", file.len()));
    if stamp().is_ok_and(|stamp| fs::read_to_string(&digest_file).is_ok_and(|before| before == stamp)) {
        return Ok(Built { wasm, name });
    }
    let unwritable = |source| BuildError::Output { path: output.clone(), source };
    fs::create_dir_all(&output).map_err(unwritable)?;
    // The compiler's temporary files are in here, so that none remain after it is killed.
    let aside = tempfile::Builder::new().prefix(".building-").tempdir_in(&output).map_err(unwritable)?;
    let _registered = options.cleanup.map(|cleanup| cleanup.add(aside.path()));
    let made = aside.path().join(format!("{name}.wasm"));
    // The digest identifies packages by name and version. That is enough only for packages of a registry, in an environment that only
    // Stillbox changes.
    let is_known = python.sdk.is_some() && !project.dependencies.iter().any(|dependency| dependency.contains('@'));
    let store = (is_known && !is_for_tests).then(ComponentStore::open).transpose()?;
    if let Some(component) = store.as_ref().and_then(|store| store.component(&digest)) {
        fs::write(&made, component).map_err(unwritable)?;
    } else {
        compile(&python, dir, &made, options)?;
        name_sdk(&made, &tools, project.module.folder).map_err(unwritable)?;
        add_source(&made).map_err(unwritable)?;
        // A source that was edited meanwhile has another digest.
        let is_unchanged = || digest::digest_of_step(&folder, &project.module, &tools).is_ok_and(|now| now == digest);
        if let Some(store) = store.filter(|_| is_unchanged())
            && let Some(first) = store.store(&digest, &fs::read(&made).map_err(unwritable)?)
        {
            fs::write(&made, first).map_err(unwritable)?;
        }
    }
    fs::rename(&made, &wasm).map_err(unwritable)?;
    // Written last: a component without a digest is compiled again.
    stamp().and_then(|stamp| fs::write(&digest_file, stamp)).map_err(unwritable)?;
    Ok(Built { wasm, name })
}

/// Runs the SDK, which writes the component to `made`. Temporary files are in the folder of `made`.
fn compile(python: &Interpreter, dir: &Path, made: &Path, options: BuildOptions<'_>) -> Result<(), BuildError> {
    let folder = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let aside = made.parent().unwrap_or(&folder);
    let mut command = python.command();
    command.args(["-m", "stillbox_sdk.build", "--output"]).arg(made).arg(&folder).env("TMPDIR", aside);
    if options.profile == BuildProfile::Development {
        let bases = user_folders::cache()?.join("python-bases");
        private_dir::make_private(&bases).map_err(|source| BuildError::Output { path: bases.clone(), source })?;
        command.arg("--bases").arg(bases);
    }
    // Python imports modules from its working folder; the compiler must not import those of the step.
    command.current_dir(aside);
    let Some(finished) = run(&mut command, options)? else { return Err(BuildError::Interrupted) };
    if !finished.status.success() {
        return Err(failed(dir, python, &finished));
    }
    if !made.is_file() {
        return Err(BuildError::NoArtifact { dir: dir.to_owned() });
    }
    Ok(())
}

/// Adds the section that names the SDK, its version and the folder of the step's module, unless the SDK has added it itself.
fn name_sdk(wasm: &Path, tools: &str, module_folder: &str) -> io::Result<()> {
    let mut component = fs::read(wasm)?;
    if toolchain(&component).sdk.is_some() {
        return Ok(());
    }
    let version = tools.lines().next().and_then(|line| line.split_whitespace().nth_back(1)).unwrap_or("-");
    let text = format!("python {version}\n{module_folder}\n");
    CustomSection { name: SDK_SECTION.into(), data: text.as_bytes().into() }.append_to(&mut component);
    fs::write(wasm, component)
}

/// Adds the section with the step's modules to a base, if the SDK has written one.
fn add_source(wasm: &Path) -> io::Result<()> {
    let source = match fs::read(wasm.with_extension("source")) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut section = Vec::new();
    CustomSection { name: SOURCE_SECTION.into(), data: source.into() }.append_to(&mut section);
    fs::File::options().append(true).open(wasm)?.write_all(&section)
}

/// Returns the versions of Python, the SDK and componentize-py in one line, followed by all installed distributions if the
/// step has dependencies: an input of the digest. Returns `None` if the build was stopped.
fn versions(
    python: &Interpreter,
    (dir, project): (&Path, &Project),
    options: BuildOptions<'_>,
) -> Result<Option<String>, BuildError> {
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
print(sys.version_info[:2], sys.argv[2] or version('stillbox-sdk'), version('componentize-py'))
if sys.argv[1] == 'all':
    for line in sorted({f\"{each.metadata['Name']} {each.version}\" for each in metadata.distributions()}):
        print(line)
";
    let mut command = python.command();
    // Not in the step's folder, whose modules could hide others.
    let which = if project.other_dependencies().next().is_some() { "all" } else { "own" };
    let sdk_version = python.sdk_version().unwrap_or_default();
    command.args(["-c", SCRIPT, which, sdk_version]).current_dir(std::env::temp_dir());
    let Some(finished) = run(&mut command, options.without_events())? else { return Ok(None) };
    if !finished.status.success() {
        return Err(failed(dir, python, &finished));
    }
    let mut tools = String::from_utf8_lossy(&finished.stdout).into_owned();
    // An installed SDK changes with its version only.
    if let Some(sdk) = &python.sdk {
        for part in ["python/src", "wit"] {
            let digest = digest::digest_of_folder(&sdk.folder.join(part));
            tools += &digest.map_err(|source| BuildError::Sources { dir: sdk.folder.clone(), source })?;
        }
    }
    Ok(Some(tools))
}

fn run(command: &mut Command, options: BuildOptions<'_>) -> Result<Option<ProcessOutput>, BuildError> {
    let program = command.get_program().to_string_lossy().into_owned();
    options.run(command, &|_| ()).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => BuildError::NoPython { program },
        _ => BuildError::NotRun { program, source },
    })
}

fn failed(dir: &Path, python: &Interpreter, finished: &ProcessOutput) -> BuildError {
    let output = String::from_utf8_lossy(&finished.stderr).into_owned();
    let python = PathBuf::from(&python.program);
    if output.trim_end().ends_with(NO_SDK) {
        let install = install(dir, &python);
        return BuildError::NoPythonSdk { python, install };
    }
    match finished.status.code() {
        Some(NO_COMPONENTIZE) => {
            let install = install(dir, &python);
            BuildError::NoComponentize { python, install }
        }
        _ => BuildError::Failed { dir: dir.to_owned(), output },
    }
}

/// Returns the command that installs the SDK, which depends on componentize-py, in the environment that the author asks for.
fn install(dir: &Path, python: &Path) -> String {
    let sdk = super::sdk_for(dir).map_or_else(|_| "guest-sdk/python".into(), |sdk| word(&sdk.join("python")));
    format!("{} -m pip install {sdk}", word(python))
}

/// Returns a path as a word of a command.
fn word(path: &Path) -> String {
    shell_word(&path.display().to_string()).into_owned()
}
