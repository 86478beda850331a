//! The settings in `pyproject.toml` that a build needs.

use std::path::Path;

use toml::{Table, Value};

use crate::build::BuildError;
use crate::build::source_file::read_manifest;

const FILE: &str = "pyproject.toml";

/// Returns whether a folder contains a Python step: it has a `pyproject.toml`, and either no `Cargo.toml` or a table
/// `[tool.stillbox]`.
pub(in crate::build) fn is_step(dir: &Path) -> bool {
    let is_declared = |table: Table| table.get("tool").and_then(|tool| tool.get("stillbox")).is_some();
    // A file that cannot be read is reported by the build.
    dir.join(FILE).exists() && (!dir.join("Cargo.toml").exists() || read(dir).is_some_and(is_declared))
}

fn read(dir: &Path) -> Option<Table> {
    read_manifest(&dir.join(FILE)).ok()?.parse().ok()
}

/// Returns the requirements of a project. A file that cannot be read is reported with the step's name.
pub(super) fn dependencies(dir: &Path) -> Vec<String> {
    let listed = |table: Table| table.get("project")?.get("dependencies")?.as_array().cloned();
    let listed = read(dir).and_then(listed).unwrap_or_default();
    listed.iter().filter_map(Value::as_str).map(|text| text.trim().to_owned()).collect()
}

/// Where the module of a step is.
pub(super) struct StepModule {
    /// The first part of its name.
    pub(super) top: String,
    /// Its folder, relative to the step's folder: `src/` or empty.
    pub(super) folder: &'static str,
}

/// Returns the module of a step. Mistakes are reported by the SDK.
pub(super) fn module(dir: &Path) -> StepModule {
    let named = |table: Table| {
        let set = table.get("tool").and_then(|tool| tool.get("stillbox")).and_then(|tool| tool.get("module"));
        let name = table.get("project").and_then(|project| project.get("name")).and_then(Value::as_str)?;
        let named = name.to_lowercase().replace(['-', '.'], "_");
        Some(set.and_then(Value::as_str).map_or(named, ToOwned::to_owned))
    };
    let module = read(dir).and_then(named).unwrap_or_default();
    let has_module = |folder: &str| {
        let path = dir.join(folder).join(module.replace('.', "/"));
        path.with_added_extension("py").is_file() || path.join("__init__.py").is_file()
    };
    // The SDK looks in the step's folder first.
    let folder = if !has_module("") && has_module("src/") { "src/" } else { "" };
    StepModule { top: module.split('.').next().unwrap_or_default().to_owned(), folder }
}

/// Returns the version of a project.
pub(super) fn version(dir: &Path) -> Option<String> {
    Some(read(dir)?.get("project")?.get("version")?.as_str()?.to_owned())
}

/// Returns whether a requirement is the SDK.
pub(super) fn is_sdk(requirement: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name = requirement.split(|c| !is_part(c)).next().unwrap_or_default();
    name.to_lowercase().replace(['_', '.'], "-") == "stillbox-sdk"
}

/// Returns whether the step depends on other distributions than the SDK.
pub(super) fn has_dependencies(dir: &Path) -> bool {
    dependencies(dir).iter().any(|dependency| !is_sdk(dependency))
}

/// Returns the step's name: that of the project.
///
/// # Errors
/// The file cannot be read, is not TOML, or has no name of a project.
pub(super) fn name(dir: &Path) -> Result<String, BuildError> {
    let manifest = dir.join(FILE);
    let text = match read_manifest(&manifest) {
        Ok(text) => text,
        Err(source) => return Err(BuildError::Unreadable { manifest, source }),
    };
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return Err(BuildError::Malformed { manifest, message: error.to_string() }),
    };
    let name = table.get("project").and_then(|project| project.get("name")).and_then(Value::as_str);
    // It becomes a file name.
    match name.filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))) {
        Some(name) => Ok(name.to_owned()),
        None => Err(BuildError::Malformed { manifest, message: "it has no `name = \"…\"` in [project]".into() }),
    }
}
