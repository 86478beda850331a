//! The lock file: what the steps of pipelines were when they were reviewed.
//!
//! A lock has one entry for each step of each pipeline in its folder. It is TOML, sorted, and the same steps give the same bytes.

mod difference;
mod entry;
mod error;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use entry::LockedStep;
pub use error::LockError;

/// The name of the file, which is next to the pipeline files.
const FILE_NAME: &str = "stillbox.lock";
/// The version of the format.
const VERSION: u32 = 1;
/// The largest file that is read: far more than the steps of a folder need, and a bound for endless device files.
const MAX_BYTES: u64 = 16 << 20;
/// The first line of the file.
const HEADER: &str = "# Written by `stillbox lock`. Review changes of this file like changes of the code.\n";

/// A lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// The entries by the name of the pipeline file, then by the name of the step.
    pipelines: BTreeMap<String, BTreeMap<String, LockedStep>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockDocument {
    version: u32,
    #[serde(default)]
    step: Vec<LockEntry>,
}

#[derive(Serialize, Deserialize)]
struct LockEntry {
    pipeline: String,
    step: String,
    #[serde(flatten)]
    locked: LockedStep,
}

impl Lock {
    /// Creates a lock without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the path of the lock next to a pipeline file.
    pub fn path_for(pipeline: &Path) -> PathBuf {
        pipeline.with_file_name(FILE_NAME)
    }

    /// Reads a lock file.
    ///
    /// # Errors
    /// There is no such file, it cannot be read, is larger than 16 MiB, or is not a lock of this version.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        let text = read_text(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => LockError::Missing { path: path.to_owned() },
            _ => LockError::Io { action: "read", path: path.to_owned(), source },
        })?;
        Self::parse(&text).map_err(|problem| LockError::Malformed { path: path.to_owned(), problem })
    }

    /// Parses the text of a lock file.
    ///
    /// # Errors
    /// The problem, with its line.
    fn parse(text: &str) -> Result<Self, String> {
        let document: LockDocument = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let line = line.map_or_else(String::new, |line| format!("line {line}: "));
            format!("{line}{}", error.message())
        })?;
        if document.version != VERSION {
            return Err(format!("it has version {}, and this program reads version {VERSION}", document.version));
        }
        let mut lock = Self::default();
        for LockEntry { pipeline, step, locked } in document.step {
            let entries = lock.pipelines.entry(pipeline.clone()).or_default();
            if entries.insert(step.clone(), locked).is_some() {
                return Err(format!("step `{step}` of `{pipeline}` is there twice"));
            }
        }
        Ok(lock)
    }

    /// Returns the text of the file.
    fn text(&self) -> String {
        let entries = self.pipelines.iter().flat_map(|(pipeline, steps)| {
            let entry = |(step, locked): (&String, &LockedStep)| LockEntry {
                pipeline: pipeline.clone(),
                step: step.clone(),
                locked: locked.clone(),
            };
            steps.iter().map(entry)
        });
        let document = LockDocument { version: VERSION, step: entries.collect() };
        let document = toml::to_string_pretty(&document).expect("strings and lists can be written as TOML");
        format!("{HEADER}{document}")
    }

    /// Writes the lock file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let result = fs::write(path, self.text());
        result.map_err(|source| LockError::Io { action: "write", path: path.to_owned(), source })
    }

    /// Returns the entries of a pipeline by the names of its steps. Empty if the lock has none.
    pub fn steps(&self, pipeline: &Path) -> BTreeMap<String, LockedStep> {
        self.pipelines.get(&key(pipeline)).cloned().unwrap_or_default()
    }

    /// Replaces the entries of a pipeline.
    pub fn set_steps(&mut self, pipeline: &Path, steps: BTreeMap<String, LockedStep>) {
        self.pipelines.insert(key(pipeline), steps);
    }

    /// Returns the lock without what steps are granted, for a run in which they are granted nothing.
    #[must_use]
    pub fn without_grants(mut self) -> Self {
        for locked in self.pipelines.values_mut().flat_map(BTreeMap::values_mut) {
            locked.grants.clear();
            locked.models.clear();
            locked.secrets.clear();
        }
        self
    }

    /// Returns the entry of a component, of any pipeline: by its path, relative to the folder of the lock.
    pub fn component(&self, folder: &Path, component: &Path) -> Option<(&str, &LockedStep)> {
        let canonical = |path: &Path| dunce::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let wanted = canonical(component);
        let mut all = self.pipelines.values().flatten();
        all.find(|(_, locked)| canonical(&folder.join(&locked.component)) == wanted)
            .map(|(step, locked)| (&**step, locked))
    }
}

/// The name of a pipeline file in its folder.
fn key(pipeline: &Path) -> String {
    pipeline.file_name().unwrap_or(pipeline.as_os_str()).to_string_lossy().into_owned()
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 16 MiB, the maximum for a lock"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(name: &str) -> LockedStep {
        LockedStep {
            component: format!("{name}.wasm"),
            digest: Some("sha256:0123456789abcdef".into()),
            name: name.into(),
            version: "1.2.0".into(),
            contract: "stillbox:step@0.1.0".into(),
            language: Some("rust".into()),
            sdk: Some("0.1.0".into()),
            imports: vec!["wasi:cli/stderr".into()],
            grants: Vec::new(),
            models: Vec::new(),
            secrets: Vec::new(),
        }
    }

    #[test]
    fn the_same_steps_give_the_same_bytes_in_any_order() {
        let mut lock = Lock::new();
        for (pipeline, steps) in [("jobs/b.toml", ["z", "a"]), ("jobs/a.toml", ["fetch", "count"])] {
            lock.set_steps(Path::new(pipeline), steps.map(|step| (step.to_owned(), locked(step))).into());
        }
        let text = lock.text();
        let order: Vec<_> = text.lines().filter(|line| line.starts_with("step =")).collect();
        assert_eq!(order, ["step = \"count\"", "step = \"fetch\"", "step = \"a\"", "step = \"z\""]);
        assert_eq!(Lock::parse(&text).as_ref(), Ok(&lock));
        assert_eq!(Lock::parse(&text).expect("it is a lock").text(), text);
        insta::assert_snapshot!(text.split("\n\n").take(2).collect::<Vec<_>>().join("\n\n"), @r#"
        # Written by `stillbox lock`. Review changes of this file like changes of the code.
        version = 1

        [[step]]
        pipeline = "a.toml"
        step = "count"
        component = "count.wasm"
        digest = "sha256:0123456789abcdef"
        name = "count"
        version = "1.2.0"
        contract = "stillbox:step@0.1.0"
        language = "rust"
        sdk = "0.1.0"
        imports = ["wasi:cli/stderr"]
        "#);
    }

    #[test]
    fn a_malformed_lock_is_an_error_with_its_line() {
        let wrong = |text: &str| Lock::parse(text).expect_err(text);
        assert_eq!(wrong("version = 2\n"), "it has version 2, and this program reads version 1");
        assert!(
            wrong("version = 1\nsteps = []\n").starts_with("line 2: unknown field"),
            "{}",
            wrong("version = 1\nsteps = []\n")
        );
        assert!(wrong("version = 1\n[[step]]\nstep = \"a\"\n").contains("missing field"));
        assert!(wrong("\u{1b}[2J").starts_with("line 1: "));
        let mut lock = Lock::new();
        lock.set_steps(Path::new("p.toml"), [("a".to_owned(), locked("a"))].into());
        let text = lock.text();
        let twice = format!("{text}\n{}", &text[text.find("[[step]]").expect("it has a step")..]);
        assert_eq!(wrong(&twice), "step `a` of `p.toml` is there twice");
    }
}
