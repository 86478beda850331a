//! Annotations of a workflow of GitHub, which it shows next to the lines of the files.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use stillbox::outline::{NodeRole, Outline};
use stillbox::text::escape_controls;
use stillbox::units::grouped;

use super::evidence::Evidence;
use super::groups::{Effect, FailureGroup};

/// The number of annotations: GitHub shows ten errors and ten warnings of a step of a workflow.
const MAX_ANNOTATIONS: usize = 10;
/// How many folders above a component are searched for a source file.
const FOLDERS_SEARCHED: usize = 16;

/// Returns the commands that make the annotations, one per line: the failures that ended the run, then the largest groups of
/// rejected rows. Texts of steps cannot end a command or begin another.
pub(super) fn commands(evidence: &Evidence) -> String {
    let root = workspace();
    let groups = evidence.failures.sorted();
    let components = components(evidence.outline.as_ref());
    let mut commands: String =
        groups.iter().take(MAX_ANNOTATIONS).map(|group| command(group, &components, &root)).collect();
    let left_out = groups.len().saturating_sub(MAX_ANNOTATIONS);
    if left_out > 0 || evidence.failures.ungrouped() > 0 {
        let rows: u64 = groups.iter().skip(MAX_ANNOTATIONS).map(|group| group.count).sum();
        let rows = grouped(rows + evidence.failures.ungrouped());
        let _ =
            writeln!(commands, "::notice title=Stillbox::{rows} more failures with other messages are not shown here");
    }
    commands
}

/// The folder that paths of annotations are relative to.
fn workspace() -> PathBuf {
    let root = env::var_os("GITHUB_WORKSPACE").map_or_else(|| env::current_dir().unwrap_or_default(), PathBuf::from);
    fs::canonicalize(&root).unwrap_or(root)
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

fn command(group: &FailureGroup, components: &[(&str, &Path)], root: &Path) -> String {
    let level = match group.effect {
        Effect::Ended => "error",
        Effect::Rejected => "warning",
    };
    let mut properties = vec![format!("title={}", property(&group.title()))];
    if let Some((file, line, column)) = place(group, components, root) {
        properties.push(format!("file={}", property(&file)));
        properties.push(format!("line={line}"));
        properties.extend(column.map(|column| format!("col={column}")));
    }
    let mut lines = vec![group.message.clone()];
    lines.extend(group.causes.iter().map(|cause| format!("caused by: {cause}")));
    let places = group.places();
    if !places.is_empty() {
        lines.push(format!("at: {places}"));
    }
    lines.extend(group.location.as_ref().map(|location| format!("source: {location}")));
    lines.extend(group.hint.as_ref().map(|hint| format!("hint: {hint}")));
    let message = lines.iter().map(|line| data(&escape_controls(line))).collect::<Vec<_>>().join("%0A");
    format!("::{level} {}::{message}\n", properties.join(","))
}

/// Returns the file, line and column of a group: the source of the step, or else the input, if it is a file of the workspace.
fn place(group: &FailureGroup, components: &[(&str, &Path)], root: &Path) -> Option<(String, u64, Option<u32>)> {
    let source = group.location.as_ref().and_then(|location| {
        let component = components.iter().find(|(name, _)| group.step.as_deref() == Some(*name));
        let folders = component.into_iter().flat_map(|(_, path)| above(path));
        let file = find(Path::new(&location.file), folders.chain([root.to_owned()]), root)?;
        Some((file, location.line.into(), location.column))
    });
    source.or_else(|| {
        let row = group.rows.first()?;
        let current = env::current_dir().ok()?;
        let file = find(Path::new(&**row.file.as_ref()?), [current], root)?;
        Some((file, row.line?, None))
    })
}

/// The folder of a component, or the folder that is the component, and those above it.
fn above(path: &Path) -> Vec<PathBuf> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    path.ancestors().take(FOLDERS_SEARCHED).map(Path::to_owned).collect()
}

/// Returns the path of a file from the root, if it is below one of the folders and below the root.
fn find(file: &Path, folders: impl IntoIterator<Item = PathBuf>, root: &Path) -> Option<String> {
    // A component may name any file as its source.
    if file.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    let found = folders.into_iter().map(|folder| folder.join(file)).find(|path| path.is_file())?;
    let found = fs::canonicalize(found).ok()?;
    Some(found.strip_prefix(root).ok()?.to_str()?.to_owned())
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a command.
fn property(text: &str) -> String {
    data(&escape_controls(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_and_texts_cannot_end_a_command() {
        assert_eq!(property("a::b,c=d%\n::error::"), "a%3A%3Ab%2Cc=d%25\\u{a}%3A%3Aerror%3A%3A");
        assert_eq!(data("50%\r\n::error::"), "50%25%0D%0A::error::");
    }

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
