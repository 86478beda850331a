//! The files that `--watch` compares, with their times and sizes, and the folders to watch for them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use toml::{Table, Value};

use crate::os;

/// Folders with files that a build creates. They are ignored, as are files and folders with a leading dot.
const MADE: [&str; 6] = ["__pycache__", "build", "dist", "node_modules", "target", "venv"];
/// Files that mark a folder with such files: a virtual environment, and a cache such as cargo's target folder.
const MARKS: [&str; 2] = ["pyvenv.cfg", "CACHEDIR.TAG"];
/// The ends of the names of files that editors write next to a file: backups, swap files of Vim, and new contents before they replace the
/// file.
const EDITORS: [&str; 8] = ["~", ".bak", ".tmp", ".swp", ".swo", ".swx", "___jb_tmp___", "___jb_old___"];

/// The maximum number of files in a snapshot. A folder with more files is not a step's folder, but a mistyped path.
pub(super) const MAX_FILES: usize = 20_000;

/// The files at and below some inputs, without some outputs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WatchSnapshot {
    files: BTreeMap<PathBuf, FileState>,
    /// The folders in which a change of these files happens. A file in a folder that cannot be read stands for itself.
    pub(super) places: BTreeSet<PathBuf>,
    /// The paths of the inputs and outputs.
    pub(super) scope: WatchScope,
    /// Whether files are missing, because there are more than [`MAX_FILES`].
    pub(super) is_partial: bool,
}

/// The state of a file. A write changes its time or size, and a replacement its generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    modified: Option<SystemTime>,
    size: u64,
    generation: u64,
}

impl FileState {
    fn new(metadata: &Metadata) -> Self {
        Self { modified: metadata.modified().ok(), size: metadata.len(), generation: os::generation(metadata) }
    }
}

/// The paths that a snapshot is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct WatchScope {
    /// Absolute, as they were given and with symbolic links resolved.
    inputs: BTreeSet<PathBuf>,
    /// With symbolic links resolved.
    outputs: BTreeSet<PathBuf>,
}

impl WatchScope {
    /// Returns whether a change at this path may be one of the inputs: it is an input, above one, or in one and neither
    /// hidden nor made by a build.
    pub(super) fn contains(&self, path: &Path) -> bool {
        if self.outputs.contains(path) {
            return false;
        }
        self.inputs.iter().any(|input| {
            let Ok(below) = path.strip_prefix(input) else { return input.starts_with(path) };
            let mut parts = below.iter().rev();
            // Whether the last part is a folder is not known any more if it was removed.
            !parts.next().is_some_and(|name| is_hidden(name) || is_of_editor(name))
                && !parts.any(|folder| is_hidden(folder) || is_made(folder))
        })
    }
}

impl WatchSnapshot {
    /// Creates a snapshot of all files at and below `inputs`, without `outputs`.
    pub(super) fn new(inputs: &[PathBuf], outputs: &[PathBuf]) -> Self {
        let scope = WatchScope { inputs: BTreeSet::new(), outputs: outputs.iter().map(|path| real(path)).collect() };
        let snapshot = Self { files: BTreeMap::new(), places: BTreeSet::new(), scope, is_partial: false };
        let mut walk = Walk { snapshot, folders: BTreeSet::new() };
        for input in inputs {
            let path = real(input);
            walk.add(&absolute(input));
            walk.add(&path);
            walk.look(&path);
        }
        walk.snapshot
    }

    /// Returns a file that was added, removed or changed, or `None` if there is no such file. Ignores files for which
    /// `uncounted` returns true.
    pub(super) fn difference(&self, now: &Self, uncounted: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        let counts = |path: &&PathBuf| !uncounted(path);
        let is_other = |path: &&PathBuf| match self.files.get(*path) {
            Some(state) => now.files.get(*path) != Some(state),
            // The first build creates this file.
            None => !path.ends_with("Cargo.lock"),
        };
        let gone = || self.files.keys().filter(counts).find(|path| !now.files.contains_key(*path));
        now.files.keys().filter(counts).find(is_other).or_else(gone).cloned()
    }

    /// Returns the snapshot to compare with after a round that started at this one. Files that the round may write have
    /// their current state, and so have files outside `watched`, which were not watched before the round.
    pub(super) fn after(&self, now: Self, watched: &[PathBuf], rewritten: impl Fn(&Path) -> bool) -> Self {
        let watched: Vec<PathBuf> = watched.iter().map(|path| real(path)).collect();
        let was_watched = |path: &Path| watched.iter().any(|root| path.starts_with(root));
        let mut files: BTreeMap<_, _> =
            now.files.into_iter().filter(|(path, _)| rewritten(path) || !was_watched(path)).collect();
        let before = self.files.iter().filter(|(path, _)| !rewritten(path));
        files.extend(before.map(|(path, state)| (path.clone(), *state)));
        Self { files, ..now }
    }
}

/// Fills a snapshot.
struct Walk {
    snapshot: WatchSnapshot,
    /// The folders so far, with symbolic links resolved. A link may lead back to one of them.
    folders: BTreeSet<PathBuf>,
}

impl Walk {
    /// Adds an input, and the folder in which it is created, replaced or removed.
    fn add(&mut self, input: &Path) {
        let folder = input.ancestors().skip(1).find(|above| above.is_dir());
        let place = folder.filter(|folder| fs::read_dir(folder).is_ok()).unwrap_or(input);
        self.snapshot.places.insert(place.to_owned());
        self.snapshot.scope.inputs.insert(input.to_owned());
    }

    fn look(&mut self, path: &Path) {
        if self.snapshot.scope.outputs.contains(path) {
            return;
        }
        let Ok(metadata) = fs::metadata(path) else { return };
        if !metadata.is_dir() {
            if self.snapshot.files.len() < MAX_FILES {
                self.snapshot.files.insert(path.to_owned(), FileState::new(&metadata));
            } else {
                self.snapshot.is_partial = true;
            }
            return;
        }
        let Ok(entries) = fs::read_dir(path) else { return };
        if self.snapshot.is_partial || !self.folders.insert(real(path)) {
            return;
        }
        self.snapshot.places.insert(path.to_owned());
        for entry in entries.flatten() {
            let (name, path) = (entry.file_name(), entry.path());
            let kind = entry.file_type();
            let is_folder = kind.as_ref().is_ok_and(fs::FileType::is_dir);
            if is_hidden(&name) || (!is_folder && is_of_editor(&name)) || (is_folder && is_made(&name)) {
                continue;
            }
            if kind.is_ok_and(|kind| kind.is_symlink()) {
                self.add(&real(&path));
            }
            if !MARKS.iter().any(|mark| path.join(mark).exists()) {
                self.look(&path);
            }
        }
    }
}

/// Returns whether a file or folder is hidden.
fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Returns whether a file is a backup or temporary file of an editor.
fn is_of_editor(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    EDITORS.iter().any(|ending| name.ends_with(ending.as_bytes()))
        || (name.len() > 1 && name.starts_with(b"#") && name.ends_with(b"#"))
        || is_probe_of_vim(name)
}

/// Returns whether a file has a name by which Vim tries whether it can create files: 4913, or 123 more while one exists.
fn is_probe_of_vim(name: &[u8]) -> bool {
    let number = str::from_utf8(name).ok().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let more = number.and_then(|number| number.parse::<u32>().ok()?.checked_sub(4913));
    more.is_some_and(|more| more % 123 == 0)
}

/// Returns whether a folder of this name has files that a build creates.
fn is_made(name: &OsStr) -> bool {
    MADE.iter().any(|made| name == *made)
}

/// Returns the paths, and the folders of the crates that they depend on by path, directly or indirectly. Symbolic links
/// are not resolved, because they may lead elsewhere later.
pub(super) fn roots(inputs: &[PathBuf]) -> Vec<PathBuf> {
    let mut roots = BTreeSet::new();
    let mut rest: Vec<PathBuf> = inputs.iter().map(|path| absolute(path)).collect();
    while let Some(path) = rest.pop() {
        let dependencies = dependencies(&real(&path));
        if roots.insert(path) {
            rest.extend(dependencies);
        }
    }
    roots.into_iter().collect()
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

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Returns the path with symbolic links resolved. A path that does not exist yet is only made absolute.
fn real(path: &Path) -> PathBuf {
    dunce::canonicalize(path).unwrap_or_else(|_| absolute(path))
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
        let before = WatchSnapshot::new(&inputs, &outputs);
        let made = [
            "target/x",
            "build/x",
            ".git/x",
            "out.jsonl",
            "src/lib.rs~",
            "src/.#lib.rs",
            "src/#lib.rs#",
            "src/.lib.rs.swp",
            "src/lib.rs.swx",
            "src/lib.rs.bak",
            "src/lib.rs.tmp",
            "src/lib.rs___jb_tmp___",
            "src/4913",
            "src/5036",
            "env/pyvenv.cfg",
            "env/x",
            "t/CACHEDIR.TAG",
            "t/x",
        ];
        for made in made {
            write(&root, made, "b");
        }
        let difference = || before.difference(&WatchSnapshot::new(&inputs, &outputs), |_| false);
        assert_eq!(difference(), None);
        write(&root, "Cargo.lock", "made by the first build");
        assert_eq!(difference(), None);
        write(&root, "src/4914", "no number of Vim");
        assert_eq!(difference(), Some(root.join("src/4914")));
        fs::remove_file(root.join("src/4914")).expect("it is there");
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
        let first = WatchSnapshot::new(&watched, &[]);
        write(&root, "step/expected.jsonl", "made by the round");
        write(&root, "other.toml", "watched from now on");
        let inputs = [root.join("step"), root.join("other.toml")];
        let now = || WatchSnapshot::new(&inputs, &[]);
        assert_eq!(first.difference(&WatchSnapshot::new(&watched, &[]), written), None);
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
    fn a_file_is_seen_that_is_replaced_by_one_of_the_same_size_and_time() {
        let folder = folder();
        let root = folder.path().canonicalize().expect("it is there");
        let time = SystemTime::UNIX_EPOCH;
        for name in ["lib.rs", "new.rs"] {
            write(&root, name, "a");
            let file = fs::File::options().write(true).open(root.join(name)).expect("it is there");
            file.set_modified(time).expect("it can be set");
        }
        let input = [root.join("lib.rs")];
        let before = WatchSnapshot::new(&input, &[]);
        fs::rename(root.join("new.rs"), root.join("lib.rs")).expect("both are there");
        assert_eq!(before.difference(&WatchSnapshot::new(&input, &[]), |_| false), Some(root.join("lib.rs")));
    }

    #[test]
    fn symbolic_links_are_followed_and_cycles_end() {
        use std::os::unix::fs::symlink;

        let folder = folder();
        let root = folder.path().canonicalize().expect("it is there");
        write(&root, "one/x.jsonl", "1");
        write(&root, "two/x.jsonl", "2");
        write(&root, "step/lib.rs", "a");
        symlink("..", root.join("step/above")).expect("there is room");
        symlink("one", root.join("data")).expect("there is room");
        let inputs = [root.join("step"), root.join("data/x.jsonl")];
        let before = WatchSnapshot::new(&inputs, &[]);
        assert!(before.files.contains_key(&root.join("one/x.jsonl")), "{before:?}");
        // The folder of the link, of its target, and of the link in the step.
        for place in ["data", "one", "step", ""] {
            assert!(before.places.contains(&root.join(place)), "{place}: {before:?}");
        }
        fs::remove_file(root.join("data")).expect("it is there");
        symlink("two", root.join("data")).expect("there is room");
        assert!(before.difference(&WatchSnapshot::new(&inputs, &[]), |_| false).is_some());
    }

    #[test]
    fn a_missing_input_is_awaited_in_the_nearest_folder() {
        let folder = folder();
        let root = folder.path().canonicalize().expect("it is there");
        let snapshot = WatchSnapshot::new(&[root.join("data/deep/x.jsonl")], &[]);
        assert_eq!(snapshot.places.iter().collect::<Vec<_>>(), [&root]);
        assert!(snapshot.scope.contains(&root.join("data")), "it is above the input");
        assert!(!snapshot.scope.contains(&root.join("other")));
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
