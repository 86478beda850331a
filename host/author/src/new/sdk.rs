//! Finds the SDK for a new step, and determines whether the step belongs to a workspace around it.
//!
//! A step created inside a clone of Stillbox uses the SDK of that clone, by its path. A step created elsewhere names the version of
//! the SDK only, and builds take the SDK that is part of the command.

use std::fs;
use std::path::{Component, Path, PathBuf};

use globset::GlobBuilder;
use stillbox::build::{find_sdk, sdk_from};
use toml::{Table, Value};

use super::error::NewError;

/// Returns the folder of the SDK that a step names: the given one, or that of the clone around the new folder. `None` outside of a
/// clone.
///
/// # Errors
/// The given folder is not the SDK.
pub(super) fn find(folder: &Path, given: Option<&Path>) -> Result<Option<PathBuf>, NewError> {
    match given {
        Some(given) => sdk_from(given).map(Some).ok_or_else(|| NewError::NotTheSdk { path: given.to_owned() }),
        None => Ok(find_sdk(folder)),
    }
}

/// The version of the SDK: that of the command, up to changes that are compatible.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

fn read(manifest: &Path) -> Option<Table> {
    fs::read_to_string(manifest).ok()?.parse().ok()
}

/// The parts of a new crate's manifest that depend on the folders around it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ManifestParts {
    /// The requirement of the SDK: its version, or a path, which is relative if both are in one clone.
    pub(super) sdk: String,
    /// Whether builds take the SDK that is part of the command.
    pub(super) is_versioned: bool,
    /// Whether the crate needs its own workspace, because the workspace around it does not include it.
    pub(super) own_workspace: bool,
}

impl ManifestParts {
    pub(super) fn new(folder: &Path, sdk: Option<&Path>) -> Self {
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let around = absolute.ancestors().skip(1).find_map(|above| {
            let manifest = read(&above.join("Cargo.toml"))?;
            manifest.get("workspace").map(|workspace| (above.to_owned(), workspace.clone()))
        });
        let own_workspace = around.as_ref().is_some_and(|(root, workspace)| !takes_in(root, workspace, &absolute));
        let path = sdk.map(|sdk| {
            let sdk = dunce::canonicalize(sdk).unwrap_or_else(|_| sdk.to_owned());
            // The folder does not exist yet. A folder above it may be a symbolic link.
            let parent = absolute.parent().and_then(|parent| dunce::canonicalize(parent).ok());
            let step =
                parent.map_or_else(|| absolute.clone(), |parent| parent.join(absolute.file_name().unwrap_or_default()));
            let clone = sdk.parent().filter(|clone| step.starts_with(clone));
            clone.map_or_else(|| sdk.clone(), |_| relative(&step, &sdk)).display().to_string()
        });
        let is_versioned = path.is_none();
        let sdk = path.map_or_else(
            || format!("\"{VERSION}\""),
            |path| format!("{{ path = {} }}", Value::from(path.replace('\\', "/"))),
        );
        Self { sdk, is_versioned, own_workspace }
    }
}

/// Returns whether a folder is a member of a workspace.
fn takes_in(root: &Path, workspace: &Value, folder: &Path) -> bool {
    let Ok(inside) = folder.strip_prefix(root) else { return false };
    let listed = |key: &str| {
        let patterns = workspace.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let globs = patterns.filter_map(|pattern| GlobBuilder::new(pattern).literal_separator(true).build().ok());
        globs.map(|glob| glob.compile_matcher()).any(|glob| glob.is_match(inside))
    };
    listed("members") && !listed("exclude")
}

/// Returns the relative path from one absolute folder to another.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = from[common..].iter().map(|_| Component::ParentDir);
    up.chain(to[common..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_the_sdk_goes_up_and_down() {
        assert_eq!(relative(Path::new("/c/steps/a"), Path::new("/c/guest-sdk")), Path::new("../../guest-sdk"));
        assert_eq!(relative(Path::new("/c/a"), Path::new("/c/guest-sdk")), Path::new("../guest-sdk"));
    }

    #[test]
    fn a_workspace_takes_in_what_its_members_match() {
        let workspace: Table =
            "members = [\"host\", \"steps/*\"]\nexclude = [\"steps/old\"]".parse().expect("it is TOML");
        let workspace = Value::Table(workspace);
        let takes = |folder: &str| takes_in(Path::new("/c"), &workspace, Path::new(folder));
        assert!(takes("/c/steps/a"));
        assert!(!takes("/c/steps/a/b"));
        assert!(!takes("/c/a"));
        assert!(!takes("/c/steps/old"));
        assert!(!takes("/elsewhere/steps/a"));
    }
}
