//! Builds a Rust step with one call of cargo.

mod advice;
mod cargo_config;
mod command;
mod foreign;
mod workspace;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::error::BuildError;
use super::lock::BuildLock;
use super::slim::slim;
use super::{BuildOptions, BuildProfile, exports, sdk, user_folders};
use crate::digest::first_digits;
use crate::event::Event;
use crate::os;
use crate::private_dir::{lock_of_folder, make_private, note_use_of_folder};
use crate::text::chain;
use command::Cargo;
use workspace::Workspace;

/// The target for steps: WASI 0.2, linked as components.
pub(super) const TARGET: &str = "wasm32-wasip2";

/// Returns the cargo that runs this program, or the one on the path.
pub(super) fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Builds the crate in a folder and returns the path of the component.
pub(super) fn build(program: &OsStr, dir: &Path, options: BuildOptions<'_>) -> Result<PathBuf, BuildError> {
    let manifest = dir.join("Cargo.toml");
    let manifest = match dunce::canonicalize(&manifest) {
        Ok(manifest) => manifest,
        Err(source) => return Err(BuildError::Unreadable { manifest, source }),
    };
    // Without it, cargo reports what is wrong with the manifest.
    let workspace = workspace::read(program, dir, &manifest, options)?;
    let mut cargo = Cargo {
        program,
        dir,
        manifest: &manifest,
        profile: options.profile,
        target_dir: options.target_dir,
        workspace_root: None,
        build_dir: None,
        sdk: None,
        patches: Vec::new(),
    };
    let _lock = prepare(&mut cargo, workspace.as_ref(), options)?;
    let Some(finished) = options.run_tool(&mut cargo.command(), &|line| {
        if let Some(what) = line.trim_start().strip_prefix("Blocking waiting for file lock on ") {
            options.report(&Event::BuildWaits { what });
        }
    })?
    else {
        return Err(BuildError::Interrupted);
    };
    if !finished.status.success() {
        let output = without_progress(&String::from_utf8_lossy(&finished.stderr));
        let packages = workspace.as_ref().map(|workspace| &*workspace.root);
        return Err(if lacks_target(&output) {
            BuildError::NoTarget { target: TARGET }
        } else {
            let advice = advice::for_output(&output, packages, &manifest);
            BuildError::Failed { dir: dir.to_owned(), output: output + &advice }
        });
    }
    let built = component(&finished.stdout, &manifest).ok_or_else(|| BuildError::NoArtifact { dir: dir.to_owned() })?;
    let whole = fs::read(&built).map_err(|source| BuildError::Output { path: built.clone(), source })?;
    if let Some(workspace) = &workspace
        && workspace.uses_sdk(&manifest)
        && !exports::is_step(&whole)
    {
        return Err(BuildError::NoStep { name: workspace.name(&manifest), manifest });
    }
    let root = workspace.as_ref().map_or_else(|| manifest.parent(), |workspace| Some(&*workspace.root));
    let folder = match options.profile {
        BuildProfile::Release => "stillbox",
        BuildProfile::Development => "stillbox-dev",
    };
    write_slim(whole, (&built, folder), &manifest, root.unwrap_or(dir))
}

/// Sets the folders of the build and the paths to the SDK, and waits until no other build writes to the same folder.
fn prepare(
    cargo: &mut Cargo<'_>,
    workspace: Option<&Workspace>,
    options: BuildOptions<'_>,
) -> Result<Option<BuildLock>, BuildError> {
    let Some(workspace) = workspace else { return Ok(None) };
    cargo.workspace_root = Some(workspace.root.clone());
    if !workspace.sdk_users.is_empty() {
        let sdk = sdk::sdk_for(cargo.dir)?;
        cargo.patches = workspace.patches(&sdk);
        cargo_config::refresh(cargo.dir, &cargo.patches);
        cargo.sdk = Some(sdk);
    }
    let take = |path: &Path| BuildLock::take(path, "another build of Stillbox", options).map(Some);
    if options.target_dir.is_some() || !workspace.can_share() {
        return take(&options.target_dir.unwrap_or(&workspace.target_dir).join(".stillbox-build"));
    }
    let all = user_folders::cache()?.join("rust");
    let shared = all.join("cargo");
    let make =
        |folder: &Path| make_private(folder).map_err(|source| BuildError::Output { path: folder.into(), source });
    make(&all)?;
    // Next to the folder, which `cache prune` may remove until then.
    let lock = take(&lock_of_folder(&shared))?;
    make(&shared)?;
    note_use_of_folder(&shared);
    cargo.build_dir = Some(shared);
    Ok(lock)
}

/// Writes the component, without the debug information of libraries, to a folder in cargo's target folder. Cargo's own file is
/// not changed, since cargo would restore it.
fn write_slim(
    whole: Vec<u8>,
    (built, folder): (&Path, &str),
    manifest: &Path,
    root: &Path,
) -> Result<PathBuf, BuildError> {
    // target/wasm32-wasip2/stillbox/NAME.wasm
    let (Some(target), Some(name)) = (built.ancestors().nth(3), built.file_name()) else { return Ok(built.to_owned()) };
    let folder = target.join(output_folder(folder, target, manifest));
    let wasm = folder.join(name);
    let unwritable = |source| BuildError::Output { path: wasm.clone(), source };
    let slim = slim(&whole, root).unwrap_or_else(|error| {
        tracing::debug!("{} keeps its debug information: {}", built.display(), chain(&error));
        whole
    });
    // Usually nothing has changed.
    if !fs::read(&wasm).is_ok_and(|before| before == slim) {
        fs::create_dir_all(&folder).map_err(unwritable)?;
        let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(unwritable)?;
        file.write_all(&slim).map_err(unwritable)?;
        os::make_readable(file.as_file()).map_err(unwritable)?;
        os::persist(file, &wasm).map_err(unwritable)?;
    }
    Ok(wasm)
}

/// Returns the folder for a crate's component, relative to cargo's target folder: `name`, or in it a folder per crate
/// if the target folder is outside of the crate and its workspace, where crates of the same name can share it.
fn output_folder(name: &str, target: &Path, manifest: &Path) -> PathBuf {
    let folder = PathBuf::from(name);
    let is_own = target.parent().is_some_and(|around| {
        around.join("Cargo.toml").is_file()
            && dunce::canonicalize(around).is_ok_and(|around| manifest.starts_with(around))
    });
    if is_own {
        return folder;
    }
    folder.join(first_digits(&Sha256::digest(manifest.as_os_str().as_encoded_bytes()), 16))
}

/// Returns cargo's output without the lines that say what it does, such as `   Compiling serde v1.0.0`.
fn without_progress(output: &str) -> String {
    const DONE: [&str; 12] = [
        "Adding",
        "Blocking",
        "Compiling",
        "Creating",
        "Downloaded",
        "Downloading",
        "Dirty",
        "Finished",
        "Fresh",
        "Locking",
        "Removing",
        "Updating",
    ];
    let is_progress = |line: &str| {
        line.starts_with(' ')
            && line.split_whitespace().next().is_some_and(|word| {
                // The verb ends in column 12.
                DONE.contains(&word) && line.find(word).is_some_and(|at| at + word.len() == 12)
            })
    };
    let kept: String = output.split_inclusive('\n').filter(|line| !is_progress(line)).collect();
    kept.trim_start_matches('\n').to_owned()
}

/// Returns whether the compiler reported that the target is not installed.
fn lacks_target(output: &str) -> bool {
    output.contains(&format!("the `{TARGET}` target may not be installed"))
}

/// The fields of cargo's messages that name the artifacts.
#[derive(Deserialize)]
struct CargoMessage {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Returns the component of the manifest's crate, from cargo's messages.
fn component(messages: &[u8], manifest: &Path) -> Option<PathBuf> {
    messages
        .split(|byte| *byte == b'\n')
        // Build scripts and macros can print other lines.
        .filter_map(|line| serde_json::from_slice::<CargoMessage>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| dunce::canonicalize(&message.manifest_path).is_ok_and(|path| path == manifest))
        .flat_map(|message| message.filenames)
        .find(|file| file.extension().is_some_and(|ending| ending == "wasm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_progress_are_left_out_and_those_of_the_compiler_stay() {
        let output = "    Updating crates.io index\n   Compiling a v0.1.0 (/a)\nerror[E0433]: x\n  --> src/lib.rs:1:1\n   \
                      |\n1  |    Compiling is a word\n";
        let expected = "error[E0433]: x\n  --> src/lib.rs:1:1\n   |\n1  |    Compiling is a word\n";
        assert_eq!(without_progress(output), expected);
    }
}
