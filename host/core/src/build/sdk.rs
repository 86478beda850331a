//! Finds the SDK for a step's folder.

use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

/// The SDK's folder in a clone.
const FOLDER: &str = "guest-sdk";

/// The SDK next to the sources that this library was built from.
const BUILT_FROM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk");

/// Returns the SDK's folder in the clone that contains `folder`, or the one that this library was built from.
pub fn find_sdk(folder: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let around = absolute.ancestors().skip(1).map(|above| above.join(FOLDER));
    around.chain([PathBuf::from(BUILT_FROM)]).find(|candidate| is_sdk(candidate))
}

/// Returns the SDK's folder if `given` is it, its Python package, or a clone that contains it.
pub fn sdk_from(given: &Path) -> Option<PathBuf> {
    // `guest-sdk/python` is a natural path to give for a Python step.
    [given.to_owned(), given.join(".."), given.join(FOLDER)].into_iter().find(|candidate| is_sdk(candidate))
}

fn is_sdk(folder: &Path) -> bool {
    let manifest: Option<Table> = fs::read_to_string(folder.join("Cargo.toml")).ok().and_then(|text| text.parse().ok());
    let name = manifest.as_ref().and_then(|table| table.get("package")?.get("name")?.as_str());
    name == Some("stillbox-sdk")
}
