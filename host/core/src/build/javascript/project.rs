//! The settings in `package.json` that a build needs.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::build::BuildError;
use crate::build::source_file::read_manifest;

const FILE: &str = "package.json";

/// The files that a step can begin with, if `main` names none.
const MAIN: [&str; 4] = ["step.js", "step.ts", "index.js", "index.ts"];

/// The settings of a step.
#[derive(Debug, Default, Deserialize)]
struct Package {
    #[serde(default)]
    name: String,
    version: Option<String>,
    description: Option<String>,
    main: Option<String>,
}

/// A step in JavaScript or TypeScript.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) summary: String,
    /// The path of the first module, relative to the folder.
    pub(super) main: String,
}

/// Returns whether a folder contains a step in JavaScript: it has a `package.json`, and either no manifest of another language or
/// the key `stillbox`.
pub(in crate::build) fn is_step(dir: &Path) -> bool {
    let manifest = dir.join(FILE);
    let is_declared =
        |text: String| serde_json::from_str(&text).is_ok_and(|package: Value| package.get("stillbox").is_some());
    let has_other = || ["Cargo.toml", "pyproject.toml"].iter().any(|manifest| dir.join(manifest).exists());
    // A file that cannot be read is reported by the build.
    manifest.exists() && (!has_other() || read_manifest(&manifest).is_ok_and(is_declared))
}

impl Project {
    /// Reads the settings.
    ///
    /// # Errors
    /// The file cannot be read, is not JSON, or names no step and no module.
    pub(super) fn read(dir: &Path) -> Result<Self, BuildError> {
        let manifest = dir.join(FILE);
        let text = read_manifest(&manifest);
        let text = text.map_err(|source| BuildError::Unreadable { manifest: manifest.clone(), source })?;
        let malformed = |message: String| BuildError::Malformed { manifest: manifest.clone(), message };
        let package: Package = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        // Without the organisation in `@organisation/name`.
        let name = package.name.rsplit('/').next().unwrap_or_default().to_owned();
        // It becomes a file name.
        if name.is_empty()
            || name.starts_with('.')
            || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        {
            return Err(malformed("it has no `\"name\": \"…\"` of a step".into()));
        }
        let main = match package.main {
            Some(main) => within(&main)
                .ok_or_else(|| malformed(format!("`\"main\": {main:?}` has to be a file of the step's folder")))?,
            None => {
                MAIN.iter().find(|file| dir.join(file).is_file()).map(|file| (*file).to_owned()).ok_or_else(|| {
                    malformed(format!("the step has no module: add {}, or name it with `\"main\"`", MAIN.join(", ")))
                })?
            }
        };
        Ok(Self {
            version: package.version.unwrap_or_else(|| "0.0.0".to_owned()),
            summary: package.description.unwrap_or_else(|| name.clone()),
            main,
            name,
        })
    }
}

/// Returns a path in the step's folder without `.` and `..`. Returns `None` if it is that of another folder.
fn within(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => drop(parts.pop()?),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Returns the path of an imported module, relative to the step's folder. As in TypeScript, `./a.js` can be the file `a.ts`.
///
/// # Errors
/// The reason why there is none.
pub(super) fn resolve(dir: &Path, from: &str, specifier: &str) -> Result<String, String> {
    if !specifier.starts_with("./") && !specifier.starts_with("../") {
        return Err(format!("cannot import `{specifier}`"));
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                if parts.pop().is_none() {
                    return Err(format!("cannot import `{specifier}`: it is outside of the step's folder"));
                }
            }
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    let mut candidates = vec![path.clone()];
    if let Some(stem) = path.strip_suffix(".js") {
        candidates.push(format!("{stem}.ts"));
    }
    if let Some(stem) = path.strip_suffix(".mjs") {
        candidates.push(format!("{stem}.mts"));
    }
    candidates.extend([".js", ".ts", "/index.js", "/index.ts"].map(|ending| format!("{path}{ending}")));
    let found = candidates.into_iter().find(|candidate| dir.join(PathBuf::from(candidate)).is_file());
    found.ok_or_else(|| format!("cannot import `{specifier}`: there is no file `{path}`"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("there is room");
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("it is in the folder")).expect("there is room");
            fs::write(path, text).expect("there is room");
        }
        folder
    }

    #[test]
    fn a_folder_with_another_manifest_is_a_javascript_step_only_if_it_says_so() {
        let is_step = |files: &[(&str, &str)]| super::is_step(folder(files).path());
        assert!(is_step(&[("package.json", "{}")]));
        assert!(!is_step(&[("package.json", "{}"), ("Cargo.toml", "")]));
        assert!(!is_step(&[("package.json", "{}"), ("pyproject.toml", "")]));
        assert!(is_step(&[("package.json", "{\"stillbox\":{}}"), ("Cargo.toml", "")]));
        assert!(!is_step(&[]));
    }

    #[test]
    fn the_settings_have_defaults() {
        let files = [("package.json", "{\"name\":\"@me/count-words\"}"), ("step.ts", "")];
        let project = Project::read(folder(&files).path()).expect("it is a step");
        assert_eq!((&*project.name, &*project.main, &*project.version), ("count-words", "step.ts", "0.0.0"));
        let main = |main: &str| {
            let package = format!("{{\"name\":\"a\",\"main\":{main:?}}}");
            Project::read(folder(&[("package.json", &package)]).path()).map(|project| project.main).ok()
        };
        assert_eq!(main("./lib/../step.js").as_deref(), Some("step.js"));
        for outside in ["../step.js", "lib/../../step.js", "/step.js", ".", ""] {
            assert_eq!(main(outside), None, "{outside}");
        }
        for text in ["", "[]", "{}", "{\"name\":\"a/../..\"}", "{\"name\":\"a b\"}", "{\"name\":\"a\"}"] {
            let folder = folder(&[("package.json", text)]);
            assert!(Project::read(folder.path()).is_err(), "{text}");
        }
    }

    #[test]
    fn an_import_is_a_file_of_the_folder() {
        let folder = folder(&[("a.ts", ""), ("lib/b.js", ""), ("lib/c/index.ts", "")]);
        let find = |from: &str, specifier: &str| resolve(folder.path(), from, specifier);
        assert_eq!(find("step.js", "./a.js").as_deref(), Ok("a.ts"));
        assert_eq!(find("lib/b.js", "../a").as_deref(), Ok("a.ts"));
        assert_eq!(find("step.js", "./lib/./b.js").as_deref(), Ok("lib/b.js"));
        assert_eq!(find("lib/b.js", "./c").as_deref(), Ok("lib/c/index.ts"));
        for specifier in ["lodash", "/a.ts", "../a.js", "./none.js", "./lib", "node:fs"] {
            assert!(find("step.js", specifier).is_err(), "{specifier}");
        }
    }
}
