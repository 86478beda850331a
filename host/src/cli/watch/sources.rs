//! Which files count, and what they were like.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use toml::{Table, Value};

/// Folders that hold what is made of sources, and not sources. Those with a dot in front do not count either.
const MADE: [&str; 6] = ["__pycache__", "build", "dist", "node_modules", "target", "venv"];

/// The most files that are looked at. More are no step's sources, but a folder that was named by mistake.
const MOST: usize = 20_000;

/// Files with the time and size that they had.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snapshot(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Snapshot {
    /// All files at and below some paths, but for some others.
    pub(super) fn of(inputs: &[PathBuf], outputs: &[PathBuf]) -> Self {
        let outputs: Vec<PathBuf> = outputs.iter().map(|path| real(path)).collect();
        let mut files = BTreeMap::new();
        for input in inputs {
            look(&real(input), &outputs, &mut files);
        }
        Self(files)
    }

    /// A file that is new, gone or other than before.
    pub(super) fn difference(&self, now: &Self) -> Option<PathBuf> {
        let changed = now.0.iter().find(|(path, state)| self.0.get(*path) != Some(state));
        let gone = || self.0.keys().find(|path| !now.0.contains_key(*path));
        changed.map(|(path, _)| path).or_else(gone).cloned()
    }
}

fn look(path: &Path, outputs: &[PathBuf], files: &mut BTreeMap<PathBuf, (Option<SystemTime>, u64)>) {
    if files.len() >= MOST || outputs.iter().any(|output| output == path) {
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

/// The paths themselves, and the crates in folders that those among them depend on.
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

/// The folders of the crates that a crate names by their path, in its own manifest or by that of its workspace.
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

/// The path itself, wherever links lead; of what is not there yet, as it was written.
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
        let before = Snapshot::of(&inputs, &outputs);
        for made in ["target/x", "build/x", ".git/x", "out.jsonl", "src/lib.rs~", "env/pyvenv.cfg", "env/x"] {
            write(&root, made, "b");
        }
        assert_eq!(before.difference(&Snapshot::of(&inputs, &outputs)), None);
        write(&root, "src/lib.rs", "longer");
        assert_eq!(before.difference(&Snapshot::of(&inputs, &outputs)), Some(root.join("src/lib.rs")));
        write(&root, "src/lib.rs", "a");
        fs::remove_file(root.join("src/lib.rs")).expect("it is there");
        assert_eq!(before.difference(&Snapshot::of(&inputs, &outputs)), Some(root.join("src/lib.rs")));
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
