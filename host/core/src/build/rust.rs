//! Builds a Rust step with one call of cargo.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::BuildOptions;
use super::error::BuildError;
use super::slim::slim;
use crate::text::chain;

/// The target for steps: WASI 0.2, linked as components.
pub(super) const TARGET: &str = "wasm32-wasip2";

/// The profile for steps. It is passed on the command line, so that authors need none in their manifests.
///
/// A step is compiled once and runs on every batch, so speed comes first. Line tables let a trap name its line.
const PROFILE: [&str; 6] = [
    "profile.stillbox.inherits='release'",
    "profile.stillbox.opt-level=3",
    "profile.stillbox.lto='fat'",
    "profile.stillbox.codegen-units=1",
    "profile.stillbox.debug='line-tables-only'",
    "profile.stillbox.strip='none'",
];

/// Flags for the compiler, also passed on the command line.
///
/// Vector instructions are part of WebAssembly 2, which every component runtime supports. The initial heap of 3 MiB, in
/// addition to the static data, holds a usual batch, so that instances need not grow their memory page by page. Pages that
/// are not touched cost nothing.
const FLAGS: &str = "target.wasm32-wasip2.rustflags=['-Ctarget-feature=+simd128','-Clink-arg=--initial-heap=3145728']";

/// Variables that cargo sets for its child processes, or that contain flags for the native target. A build that is started
/// from `cargo run` or from a build script must not inherit them.
const FOREIGN: [&str; 9] = [
    "CARGO",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_CRATE_NAME",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_PRIMARY_PACKAGE",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
];

/// Prefixes of further such variables.
const FOREIGN_PREFIXES: [&str; 7] =
    ["CARGO_BIN_", "CARGO_CFG_", "CARGO_FEATURE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_TARGET_", "DEP_"];

/// The user's setting for the target folder: the one variable with such a prefix that is inherited.
const TARGET_DIR: &str = "CARGO_TARGET_DIR";

/// Returns the cargo that runs this program, or the one on the path.
pub(super) fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Builds the crate in a folder and returns the path of the component.
pub(super) fn build(program: &OsStr, dir: &Path, options: BuildOptions<'_>) -> Result<PathBuf, BuildError> {
    let manifest = dir.join("Cargo.toml");
    let manifest = match manifest.canonicalize() {
        Ok(manifest) => manifest,
        Err(source) => return Err(BuildError::Unreadable { manifest, source }),
    };
    let mut command = command(program, dir, &manifest, options.target_dir);
    let finished = options.run(&mut command).map_err(|source| {
        let program = program.to_string_lossy().into_owned();
        match source.kind() {
            io::ErrorKind::NotFound => BuildError::NoCargo { program },
            _ => BuildError::NotRun { program, source },
        }
    })?;
    let Some(finished) = finished else {
        return Err(BuildError::Interrupted);
    };
    if !finished.status.success() {
        let output = String::from_utf8_lossy(&finished.stderr).into_owned();
        return Err(if lacks_target(&output) {
            BuildError::NoTarget { target: TARGET }
        } else {
            BuildError::Failed { dir: dir.to_owned(), output }
        });
    }
    let built = component(&finished.stdout, &manifest).ok_or_else(|| BuildError::NoArtifact { dir: dir.to_owned() })?;
    write_slim(&built, &manifest)
}

/// Writes the component, without the debug information of libraries, to `stillbox` in cargo's target folder. Cargo's own
/// file is not changed, since cargo would restore it.
fn write_slim(built: &Path, manifest: &Path) -> Result<PathBuf, BuildError> {
    // target/wasm32-wasip2/stillbox/NAME.wasm
    let (Some(target), Some(name)) = (built.ancestors().nth(3), built.file_name()) else { return Ok(built.to_owned()) };
    let folder = target.join(output_folder(target, manifest));
    let wasm = folder.join(name);
    let unwritable = |source| BuildError::Output { path: wasm.clone(), source };
    let whole = fs::read(built).map_err(|source| BuildError::Output { path: built.to_owned(), source })?;
    let slim = slim(&whole).unwrap_or_else(|error| {
        tracing::debug!("{} keeps its debug information: {}", built.display(), chain(&error));
        whole
    });
    // Usually nothing has changed.
    if !fs::read(&wasm).is_ok_and(|before| before == slim) {
        fs::create_dir_all(&folder).map_err(unwritable)?;
        let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(unwritable)?;
        file.write_all(&slim).map_err(unwritable)?;
        make_readable(file.as_file()).map_err(unwritable)?;
        file.persist(&wasm).map_err(|error| unwritable(error.error))?;
    }
    Ok(wasm)
}

/// Returns the folder for a crate's component, relative to cargo's target folder: `stillbox`, or a folder per crate if the
/// target folder is outside of the crate and its workspace, where crates of the same name can share it.
fn output_folder(target: &Path, manifest: &Path) -> PathBuf {
    let folder = PathBuf::from("stillbox");
    let is_own = target.parent().is_some_and(|around| {
        around.join("Cargo.toml").is_file() && around.canonicalize().is_ok_and(|around| manifest.starts_with(around))
    });
    if is_own {
        return folder;
    }
    let digest = crate::component::digest(&Sha256::digest(manifest.as_os_str().as_encoded_bytes()));
    folder.join(digest.trim_start_matches("sha256:").get(..16).unwrap_or_default())
}

/// Makes a temporary file, which only its owner can read, readable for all.
fn make_readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

fn command(program: &OsStr, dir: &Path, manifest: &Path, target_dir: Option<&Path>) -> Command {
    let mut command = Command::new(program);
    // Without this crate type, a crate that is also an ordinary library would be built without link-time optimisation,
    // which libraries cannot have.
    command.args(["rustc", "--lib", "--crate-type", "cdylib", "--target", TARGET, "--profile", "stillbox"]);
    command.args(["--quiet", "--color", "never", "--message-format", "json-render-diagnostics"]);
    for setting in PROFILE.into_iter().chain([FLAGS]) {
        command.args(["--config", setting]);
    }
    command.arg("--manifest-path").arg(manifest);
    if let Some(target_dir) = target_dir {
        // Cargo runs in another folder, so a relative path would not lead to the same place.
        command.arg("--target-dir").arg(std::path::absolute(target_dir).unwrap_or_else(|_| target_dir.to_owned()));
    }
    // Cargo finds the crate's `.cargo/config.toml` and `rust-toolchain.toml` from its working folder.
    command.current_dir(dir);
    for (variable, _) in std::env::vars_os() {
        if is_foreign(&variable) {
            command.env_remove(variable);
        }
    }
    command
}

fn is_foreign(variable: &OsStr) -> bool {
    let Some(variable) = variable.to_str() else {
        return false;
    };
    variable != TARGET_DIR
        && (FOREIGN.contains(&variable) || FOREIGN_PREFIXES.iter().any(|prefix| variable.starts_with(prefix)))
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
        .filter(|message| message.manifest_path.canonicalize().is_ok_and(|path| path == manifest))
        .flat_map(|message| message.filenames)
        .find(|file| file.extension().is_some_and(|ending| ending == "wasm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_cargo_sets_for_child_processes_are_foreign() {
        for variable in ["RUSTFLAGS", "CARGO", "CARGO_PKG_NAME", "DEP_Z_ROOT", "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS"] {
            assert!(is_foreign(OsStr::new(variable)), "{variable}");
        }
        for variable in ["PATH", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_NET_OFFLINE", "RUSTC_WRAPPER"] {
            assert!(!is_foreign(OsStr::new(variable)), "{variable}");
        }
    }
}
