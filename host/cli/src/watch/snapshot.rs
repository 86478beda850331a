//! The files that `--watch` compares, with their times and sizes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use toml::{Table, Value};

/// Folders with files that a build creates. They are ignored, as are files and folders with a leading dot.
const MADE: [&str; 6] = ["__pycache__", "build", "dist", "node_modules", "target", "venv"];

/// The maximum number of files in a snapshot. A folder with more files is not a step's folder, but a mistyped path.
const MAX_FILES: usize = 20_000;

/// Files with their modification times and their sizes in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snapshot(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Snapshot {
    /// Creates a snapshot of all files at and below `inputs`, without `outputs`.
    pub(super) fn new(inputs: &[PathBuf], outputs: &[PathBuf]) -> Self {
        let outputs: Vec<PathBuf> = outputs.iter().map(|path| real(path)).collect();
        let mut files = BTreeMap::new();
        for input in inputs {
            look(&real(input), &outputs, &mut files);
        }
        Self(files)
    }

    /// Returns a file that was added, removed or changed, or `None` if there is no such file. Ignores files for which
    /// `uncounted` returns true.
    pub(super) fn difference(&self, now: &Self, uncounted: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        let counts = |path: &&PathBuf| !uncounted(path);
        let is_other = |path: &&PathBuf| match self.0.get(*path) {
            Some(state) => now.0.get(*path) != Some(state),
            // The first build creates this file.
            None => !path.ends_with("Cargo.lock"),
        };
        let gone = || self.0.keys().filter(counts).find(|path| !now.0.contains_key(*path));
        now.0.keys().filter(counts).find(is_other).or_else(gone).cloned()
    }

    /// Returns the snapshot to compare with after a round that started at this one. Files that the round may write have
    /// their current state, and so have files outside `watched`, which were not watched before the round.
    pub(super) fn after(&self, now: Self, watched: &[PathBuf], rewritten: impl Fn(&Path) -> bool) -> Self {
        let was_watched = |path: &Path| watched.iter().any(|root| path.starts_with(root));
        let mut files: BTreeMap<_, _> =
            now.0.into_iter().filter(|(path, _)| rewritten(path) || !was_watched(path)).collect();
        let before = self.0.iter().filter(|(path, _)| !rewritten(path));
        files.extend(before.map(|(path, state)| (path.clone(), *state)));
        Self(files)
    }
}

fn look(path: &Path, outputs: &[PathBuf], files: &mut BTreeMap<PathBuf, (Option<SystemTime>, u64)>) {
    if files.len() >= MAX_FILES || outputs.iter().any(|output| output == path) {
        return;
    }
    let Ok(metadata) = fs::metadata(path) else { return };
    if !metadata.is_dir() {
        files.insert(path.to_owned(), (metadata.modified().ok(), metadata.len()));
        return;
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if name.starts_with('.') || name.ends_with('~') || (is_folder && MADE.contains(&&*name)) {
            continue;
        }
        let path = entry.path();
        if !path.join("pyvenv.cfg").exists() {
            look(&path, outputs, files);
        }
    }
}

/// Returns the paths, and the folders of the crates that they depend on by path, directly or indirectly.
pub(super) fn roots(inputs: &[PathBuf]) -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> = Vec::new();
    let mut rest: Vec<PathBuf> = inputs.iter().map(|path| real(path)).collect();
    while let Some(path) = rest.pop() {
        if !roots.contains(&path) {
            rest.extend(dependencies(&path));
            roots.push(path);
        }
    }
    roots.sort();
    roots
}

/// Returns the folders of the path dependencies of a crate, from its own manifest or that of its workspace.
fn dependencies(folder: &Path) -> Vec<PathBuf> {
    let Some(manifest) = manifest(folder) else { return Vec::new() };
    let workspace = || {
        folder.ancestors().find_map(|above| {
            let table = self::manifest(above)?;
            let dependencies = table.get("workspace")?.get("dependencies")?.as_table()?.clone();
            Some((above.to_owned(), dependencies))
        })
    };
    let mut found = Vec::new();
    for key in ["dependencies", "build-dependencies"] {
        for (name, dependency) in manifest.get(key).and_then(Value::as_table).into_iter().flatten() {
            let path = |dependency: &Value| dependency.get("path").and_then(Value::as_str).map(str::to_owned);
            let inherits = dependency.get("workspace").and_then(Value::as_bool) == Some(true);
            let at = match (path(dependency), inherits) {
                (Some(path), _) => Some(folder.join(path)),
                (None, true) => workspace().and_then(|(root, all)| Some(root.join(path(all.get(name)?)?))),
                (None, false) => None,
            };
            found.extend(at.map(|at| real(&at)));
        }
    }
    found
}

fn manifest(folder: &Path) -> Option<Table> {
    fs::read_to_string(folder.join("Cargo.toml")).ok()?.parse().ok()
}

/// Returns the path with symbolic links resolved. A path that does not exist yet is only made absolute.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("there is room")
    }

    fn write(folder: &Path, file: &str, text: &str) {
        let file = folder.join(file);
        fs::create_dir_all(file.parent().expect("it is in a folder")).expect("there is room");
        fs::write(file, text).expect("there is room");
    }

    #[test]
    fn sources_count_and_what_is_made_of_them_does_not() {
        let folder = folder();
        let root = folder.path().canonicalize().expect("it is there");
        write(&root, "src/lib.rs", "a");
        let (inputs, outputs) = ([root.clone()], [root.join("out.jsonl")]);
        let before = Snapshot::new(&inputs, &outputs);
        for made in ["target/x", "build/x", ".git/x", "out.jsonl", "src/lib.rs~", "env/pyvenv.cfg", "env/x"] {
            write(&root, made, "b");
        }
        let difference = || before.difference(&Snapshot::new(&inputs, &outputs), |_| false);
        assert_eq!(difference(), None);
        write(&root, "Cargo.lock", "made by the first build");
        assert_eq!(difference(), None);
        write(&root, "src/lib.rs", "longer");
        assert_eq!(difference(), Some(root.join("src/lib.rs")));
        write(&root, "src/lib.rs", "a");
        fs::remove_file(root.join("src/lib.rs")).expect("it is there");
        assert_eq!(difference(), Some(root.join("src/lib.rs")));
    }

    #[test]
    fn what_a_round_writes_counts_after_it() {
        let folder = folder();
        let root = folder.path().canonicalize().expect("it is there");
        let written = |path: &Path| path.ends_with("expected.jsonl");
        write(&root, "step/input.jsonl", "a");
        let watched = [root.join("step")];
        let first = Snapshot::new(&watched, &[]);
        write(&root, "step/expected.jsonl", "made by the round");
        write(&root, "other.toml", "watched from now on");
        let inputs = [root.join("step"), root.join("other.toml")];
        let now = || Snapshot::new(&inputs, &[]);
        assert_eq!(first.difference(&Snapshot::new(&watched, &[]), written), None);
        let before = first.after(now(), &watched, written);
        assert_eq!(before.difference(&now(), |_| false), None);
        write(&root, "step/expected.jsonl", "written by another program");
        assert_eq!(before.difference(&now(), |_| false), Some(root.join("step/expected.jsonl")));
        // A change during the round still counts after it.
        write(&root, "step/input.jsonl", "changed during the round");
        let before = first.after(now(), &watched, written);
        assert_eq!(before.difference(&now(), |_| false), Some(root.join("step/input.jsonl")));
    }

    #[test]
    fn crates_by_path_are_watched_too() {
        let folder = folder();
        let root = folder.path().canonicalize().expect("it is there");
        write(&root, "Cargo.toml", "[workspace]\nmembers = []\n[workspace.dependencies]\nsdk = { path = \"sdk\" }\n");
        write(&root, "sdk/Cargo.toml", "[dependencies]\nmacros = { path = \"macros\" }\n");
        write(&root, "sdk/macros/Cargo.toml", "");
        write(&root, "step/Cargo.toml", "[dependencies]\nsdk.workspace = true\nserde = \"1\"\n");
        let found = roots(&[root.join("step")]);
        assert_eq!(found, [root.join("sdk"), root.join("sdk/macros"), root.join("step")]);
    }
}
