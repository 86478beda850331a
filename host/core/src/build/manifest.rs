//! Checks `Cargo.toml` for the usual omissions, to report them in one sentence and before anything is compiled.

use std::path::Path;

use toml::{Table, Value};

use super::error::BuildError;
use super::source_file::read_manifest;

/// Returns the name of the step crate in a folder.
///
/// # Errors
/// The folder does not exist, contains no crate, or a crate that is not a step.
pub(super) fn step_name(dir: &Path) -> Result<String, BuildError> {
    if !dir.is_dir() {
        return Err(BuildError::NoFolder { dir: dir.to_owned() });
    }
    let manifest = dir.join("Cargo.toml");
    if !manifest.exists() {
        return Err(BuildError::NoManifest { dir: dir.to_owned() });
    }
    let text = match read_manifest(&manifest) {
        Ok(text) => text,
        Err(source) => return Err(BuildError::Unreadable { manifest, source }),
    };
    // Cargo reports syntax errors better.
    let folder = || dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned();
    let Ok(table) = text.parse::<Table>() else {
        return Ok(folder());
    };
    let Some(package) = table.get("package") else {
        return Err(BuildError::NoPackage { manifest });
    };
    if !is_cdylib(&table) {
        return Err(BuildError::NoCdylib { manifest });
    }
    Ok(package.get("name").and_then(Value::as_str).map_or_else(folder, str::to_owned))
}

fn is_cdylib(manifest: &Table) -> bool {
    let lib = manifest.get("lib");
    let types = lib.and_then(|lib| lib.get("crate-type").or_else(|| lib.get("crate_type")));
    types.and_then(Value::as_array).is_some_and(|types| types.iter().any(|kind| kind.as_str() == Some("cdylib")))
}
