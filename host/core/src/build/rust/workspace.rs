//! The workspace of a crate, as cargo sees it: its folders, and which of its crates use the SDK.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::foreign;
use crate::build::{BuildError, BuildOptions};

/// The crates of the SDK that a step can depend on, with their folders in the SDK's folder.
const CRATES: [(&str, &str); 5] = [
    ("stillbox-sdk", ""),
    ("stillbox-key", "key"),
    ("stillbox-pattern", "pattern"),
    ("stillbox-prompt", "prompt"),
    ("stillbox-vectors", "vectors"),
];

/// The variables by which the user places compiled files.
const PLACES: [&str; 3] = ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_BUILD_DIR"];

/// The workspace around a crate, which may be the crate alone.
pub(super) struct Workspace {
    pub(super) root: PathBuf,
    pub(super) target_dir: PathBuf,
    /// The manifests of the crates that depend on crates of the SDK, with whether they come from the registry.
    pub(super) sdk_users: BTreeMap<PathBuf, BTreeSet<(String, bool)>>,
    names: BTreeMap<PathBuf, String>,
    /// Whether the user has set another folder for intermediate files, or cargo is older than such folders.
    has_own_build_dir: bool,
}

impl Workspace {
    /// Returns the crates of the SDK that come from the registry, with their folders in this SDK.
    pub(super) fn patches(&self, sdk: &Path) -> Vec<(String, PathBuf)> {
        let used: BTreeSet<&str> =
            self.sdk_users.values().flatten().filter(|(_, remote)| *remote).map(|(name, _)| &**name).collect();
        let known = CRATES.into_iter().filter(|(name, _)| used.contains(name));
        known
            .map(|(name, folder)| (name.to_owned(), if folder.is_empty() { sdk.to_owned() } else { sdk.join(folder) }))
            .collect()
    }

    /// Returns whether a crate can share the folder of compiled dependencies with others. Those of one workspace share theirs.
    pub(super) fn can_share(&self) -> bool {
        let is_placed = PLACES.iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
        self.names.len() == 1 && !self.has_own_build_dir && !is_placed
    }

    pub(super) fn uses_sdk(&self, manifest: &Path) -> bool {
        self.sdk_users.get(manifest).is_some_and(|used| used.iter().any(|(name, _)| name == "stillbox-sdk"))
    }

    /// Returns the name of a crate.
    pub(super) fn name(&self, manifest: &Path) -> String {
        self.names.get(manifest).cloned().unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
    /// Since cargo 1.91.
    build_directory: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for a path.
    source: Option<String>,
}

/// Asks cargo for the workspace of a crate. Returns `None` if cargo cannot read it; the build reports why.
///
/// # Errors
/// Cargo cannot be run, or the build was cancelled.
pub(super) fn read(
    program: &OsStr,
    dir: &Path,
    manifest: &Path,
    options: BuildOptions<'_>,
) -> Result<Option<Workspace>, BuildError> {
    let mut command = Command::new(program);
    command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(manifest).current_dir(dir);
    foreign::remove(&mut command);
    let Some(finished) = options.without_events().run_tool(&mut command, &|_| ())? else {
        return Err(BuildError::Interrupted);
    };
    Ok(serde_json::from_slice(&finished.stdout).ok().map(from_metadata))
}

fn from_metadata(metadata: Metadata) -> Workspace {
    let is_sdk = |dependency: &&Dependency| CRATES.iter().any(|(name, _)| dependency.name == *name);
    let used = |package: &Package| -> BTreeSet<(String, bool)> {
        let from_registry = |source: &Option<String>| source.as_ref().is_some_and(|from| from.starts_with("registry+"));
        let sdk = package.dependencies.iter().filter(is_sdk);
        sdk.map(|dependency| (dependency.name.clone(), from_registry(&dependency.source))).collect()
    };
    let users = metadata.packages.iter().map(|package| (package.manifest_path.clone(), used(package)));
    Workspace {
        sdk_users: users.filter(|(_, used)| !used.is_empty()).collect(),
        names: metadata.packages.iter().map(|one| (one.manifest_path.clone(), one.name.clone())).collect(),
        has_own_build_dir: metadata.build_directory.is_none_or(|folder| folder != metadata.target_directory),
        root: metadata.workspace_root,
        target_dir: metadata.target_directory,
    }
}
