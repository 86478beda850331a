//! Finds the SDK for a step's folder: that of the clone around it, or the one that is part of this library.

mod embedded;

use std::path::{Path, PathBuf};

use toml::Table;

use super::error::BuildError;
use super::source_file::read_manifest;
use super::user_folders;

/// The SDK's folder in a clone.
const FOLDER: &str = "guest-sdk";

/// Returns the SDK's folder in the clone that contains `folder`, or `None` if it is not in a clone.
pub fn find_sdk(folder: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut around = absolute.ancestors().skip(1).map(|above| above.join(FOLDER));
    around.find(|candidate| is_sdk(candidate))
}

/// Returns the SDK's folder if `given` is it, its Python package, or a clone that contains it.
pub fn sdk_from(given: &Path) -> Option<PathBuf> {
    // `guest-sdk/python` is a natural path to give for a Python step.
    [given.to_owned(), given.join(".."), given.join(FOLDER)].into_iter().find(|candidate| is_sdk(candidate))
}

/// Returns the SDK's folder for a step that names no folder: in the clone that contains the step, or in the user's data folder,
/// where the SDK that is part of this library is unpacked.
///
/// # Errors
/// The user has no data folder, or it cannot be written to.
pub fn sdk_for(folder: &Path) -> Result<PathBuf, BuildError> {
    match find_sdk(folder) {
        Some(sdk) => Ok(dunce::canonicalize(&sdk).unwrap_or(sdk)),
        None => embedded::unpack(&user_folders::data()?).map_err(|(path, source)| BuildError::Sdk { path, source }),
    }
}

fn is_sdk(folder: &Path) -> bool {
    let manifest: Option<Table> = read_manifest(&folder.join("Cargo.toml")).ok().and_then(|text| text.parse().ok());
    let name = manifest.as_ref().and_then(|table| table.get("package")?.get("name")?.as_str());
    name == Some("stillbox-sdk")
}
