//! The lines of files that failures are shown at.

use std::env;
use std::path::{Component, Path, PathBuf};

use stillbox::outline::{NodeRole, Outline};

use super::groups::FailureGroup;

/// How many folders above a component are searched for a source file.
const FOLDERS_SEARCHED: usize = 16;

/// Where the sources of the steps of a run are.
pub(super) struct Places<'a> {
    root: PathBuf,
    /// By the name of the step.
    components: Vec<(&'a str, &'a Path)>,
}

/// A line of a file of the workspace.
pub(super) struct FilePlace {
    /// The path from the folder of the workspace.
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) column: Option<u32>,
}

/// The folder that paths are relative to.
fn workspace() -> PathBuf {
    let root = env::var_os("GITHUB_WORKSPACE").map_or_else(|| env::current_dir().unwrap_or_default(), PathBuf::from);
    dunce::canonicalize(&root).unwrap_or(root)
}

/// The components of the steps, by name.
fn components(outline: Option<&Outline>) -> Vec<(&str, &Path)> {
    let nodes = outline.map_or(&[][..], |outline| &outline.nodes);
    nodes
        .iter()
        .filter_map(|node| match &node.role {
            NodeRole::Step { path, .. } => Some((&*node.name, &**path)),
            _ => None,
        })
        .collect()
}

impl<'a> Places<'a> {
    pub(super) fn new(outline: Option<&'a Outline>) -> Self {
        Self { root: workspace(), components: components(outline) }
    }

    /// Returns the place of a group: the source of the step, or else the input, if it is a file of the workspace.
    pub(super) fn place(&self, group: &FailureGroup) -> Option<FilePlace> {
        let Self { root, components } = self;
        let source = group.location.as_ref().and_then(|location| {
            let component = components.iter().find(|(name, _)| group.step.as_deref() == Some(*name));
            let folders = component.into_iter().flat_map(|(_, path)| above(path));
            let file = find(Path::new(&location.file), folders.chain([root.clone()]), root)?;
            Some(FilePlace { file, line: location.line.into(), column: location.column })
        });
        source.or_else(|| {
            let row = group.rows.first()?;
            let current = env::current_dir().ok()?;
            let file = find(Path::new(&**row.file.as_ref()?), [current], root)?;
            Some(FilePlace { file, line: row.line?, column: None })
        })
    }
}

/// The folder of a component, or the folder that is the component, and those above it.
fn above(path: &Path) -> Vec<PathBuf> {
    let path = dunce::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    path.ancestors().take(FOLDERS_SEARCHED).map(Path::to_owned).collect()
}

/// Returns the path of a file from the root, if it is below one of the folders and below the root.
fn find(file: &Path, folders: impl IntoIterator<Item = PathBuf>, root: &Path) -> Option<String> {
    // A component may name any file as its source.
    if file.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    let found = folders.into_iter().map(|folder| folder.join(file)).find(|path| path.is_file())?;
    let found = dunce::canonicalize(found).ok()?;
    let names = found.strip_prefix(root).ok()?.components().map(|name| name.as_os_str().to_str());
    Some(names.collect::<Option<Vec<_>>>()?.join("/"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_files_of_the_workspace_have_places() {
        let root = tempfile::tempdir().expect("there is room");
        let root = fs::canonicalize(root.path()).expect("it exists");
        fs::create_dir_all(root.join("steps/a/src")).expect("it can be written");
        fs::write(root.join("steps/a/src/lib.rs"), "").expect("as above");
        let folders = || above(&root.join("steps/a"));
        assert_eq!(find(Path::new("src/lib.rs"), folders(), &root).as_deref(), Some("steps/a/src/lib.rs"));
        assert_eq!(find(Path::new("steps/a/src/lib.rs"), folders(), &root).as_deref(), Some("steps/a/src/lib.rs"));
        for outside in ["../a/src/lib.rs", "/etc/passwd", "src/other.rs", ""] {
            assert_eq!(find(Path::new(outside), folders(), &root), None, "{outside}");
        }
    }
}
