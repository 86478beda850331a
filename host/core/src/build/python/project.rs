//! The settings in `pyproject.toml` that a build needs.

use std::path::Path;

use toml::{Table, Value};

use crate::build::BuildError;
use crate::build::source_file::read_manifest;

const FILE: &str = "pyproject.toml";

/// Returns whether a folder contains a Python step: it has a `pyproject.toml`, and either no `Cargo.toml` or a table
/// `[tool.stillbox]`.
pub(in crate::build) fn is_step(dir: &Path) -> bool {
    let manifest = dir.join(FILE);
    let is_declared = |text: String| text.parse().is_ok_and(|table: Table| table_of_step(&table).is_some());
    // A file that cannot be read is reported by the build.
    manifest.exists() && (!dir.join("Cargo.toml").exists() || read_manifest(&manifest).is_ok_and(is_declared))
}

/// The settings of a project: of a step, or of the SDK. A build reads them once.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) version: Option<String>,
    /// The requirements.
    pub(super) dependencies: Vec<String>,
    pub(super) module: StepModule,
}

/// Where the module of a step is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StepModule {
    /// The first part of its name.
    pub(super) top: String,
    /// Its folder, relative to the step's folder: `src/` or empty.
    pub(super) folder: &'static str,
}

impl Project {
    /// Reads the settings of the project in a folder. Other mistakes than those below are reported by the SDK.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has no name of a project.
    pub(super) fn read(dir: &Path) -> Result<Self, BuildError> {
        let manifest = dir.join(FILE);
        let text = match read_manifest(&manifest) {
            Ok(text) => text,
            Err(source) => return Err(BuildError::Unreadable { manifest, source }),
        };
        let table: Table = match text.parse() {
            Ok(table) => table,
            Err(error) => return Err(BuildError::Malformed { manifest, message: error.to_string() }),
        };
        let setting = |name: &str| table.get("project").and_then(|project| project.get(name));
        let text = |name: &str| setting(name).and_then(Value::as_str);
        // It becomes a file name.
        let is_name =
            |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        let Some(name) = text("name").filter(is_name) else {
            return Err(BuildError::Malformed { manifest, message: "it has no `name = \"…\"` in [project]".into() });
        };
        let listed = setting("dependencies").and_then(Value::as_array).into_iter().flatten();
        let dependencies = listed.filter_map(Value::as_str).map(|one| one.trim().to_owned()).collect();
        let module = table_of_step(&table).and_then(|step| step.get("module")).and_then(Value::as_str);
        let module = module.map_or_else(|| name.to_lowercase().replace(['-', '.'], "_"), ToOwned::to_owned);
        Ok(Self {
            name: name.to_owned(),
            version: text("version").map(ToOwned::to_owned),
            dependencies,
            module: StepModule::find(dir, &module),
        })
    }

    /// Returns the requirements other than the SDK.
    pub(super) fn other_dependencies(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().map(String::as_str).filter(|requirement| !is_sdk(requirement))
    }
}

impl StepModule {
    /// Finds the module with this name. One that does not exist is reported by the SDK.
    fn find(dir: &Path, name: &str) -> Self {
        let has_module = |folder: &str| {
            let path = dir.join(folder).join(name.replace('.', "/"));
            path.with_added_extension("py").is_file() || path.join("__init__.py").is_file()
        };
        // The SDK looks in the step's folder first.
        let folder = if !has_module("") && has_module("src/") { "src/" } else { "" };
        Self { top: name.split('.').next().unwrap_or_default().to_owned(), folder }
    }
}

/// Returns the table `[tool.stillbox]`.
fn table_of_step(table: &Table) -> Option<&Value> {
    table.get("tool")?.get("stillbox")
}

/// Returns whether a requirement is the SDK.
fn is_sdk(requirement: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name = requirement.split(|c| !is_part(c)).next().unwrap_or_default();
    name.to_lowercase().replace(['_', '.'], "-") == "stillbox-sdk"
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn step(settings: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), settings).unwrap();
        folder
    }

    #[test]
    fn the_settings_have_defaults() {
        let folder = step("[project]\nname = \"Count-Words.2\"\n");
        let project = Project::read(folder.path()).unwrap();
        assert_eq!((&*project.name, project.version), ("Count-Words.2", None));
        assert_eq!(project.dependencies, [""; 0]);
        assert_eq!(project.module, StepModule { top: "count_words_2".to_owned(), folder: "" });
    }

    #[test]
    fn a_module_can_have_another_name_and_folder() {
        let folder = step("project = { name = \"a\", version = \"1.2\" }\ntool.stillbox.module = \"words.step\"\n");
        fs::create_dir_all(folder.path().join("src/words")).unwrap();
        fs::write(folder.path().join("src/words/step.py"), "").unwrap();
        let project = Project::read(folder.path()).unwrap();
        assert_eq!(project.version.as_deref(), Some("1.2"));
        assert_eq!(project.module, StepModule { top: "words".to_owned(), folder: "src/" });
        // The step's folder comes first.
        fs::create_dir_all(folder.path().join("words/step")).unwrap();
        fs::write(folder.path().join("words/step/__init__.py"), "").unwrap();
        assert_eq!(Project::read(folder.path()).unwrap().module.folder, "");
    }

    #[test]
    fn the_sdk_is_no_other_dependency() {
        let folder = step(
            "[project]\nname = \"a\"\ndependencies = [\"Stillbox_SDK[http]>=0.1\", 1, \" rich \", \"stillbox-sdk-more\"]\n",
        );
        let project = Project::read(folder.path()).unwrap();
        assert_eq!(project.dependencies, ["Stillbox_SDK[http]>=0.1", "rich", "stillbox-sdk-more"]);
        assert_eq!(project.other_dependencies().collect::<Vec<_>>(), ["rich", "stillbox-sdk-more"]);
    }

    #[test]
    fn a_project_without_a_name_that_can_be_a_file_name_is_an_error() {
        for text in ["", "project = 1", "[project]\nname = \"\"", "[project]\nname = \"a/b\"", "[project]\nname = 1"] {
            let error = Project::read(step(text).path()).unwrap_err();
            assert!(matches!(error, BuildError::Malformed { .. }), "{text}");
            assert!(error.to_string().contains("it has no `name = \"…\"` in [project]"), "{error}");
        }
    }
}
