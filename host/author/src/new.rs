//! Creates a new step: a folder that builds, passes its case and runs unchanged.
//!
//! The files come from the templates in `new/`, which are part of this program. The cases are the same in all
//! languages.

mod code;
mod error;
mod name;
mod sdk;
mod template;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use error::NewError;
use name::Names;
use template::{cases, files};

/// The language that a step is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Rust.
    #[default]
    Rust,
    /// Python.
    Python,
    /// JavaScript.
    JavaScript,
}

/// The template of a new step: its kind, and for a transform what it does with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepTemplate {
    /// Adds columns.
    #[default]
    Transform,
    /// Keeps or drops rows.
    Filter,
    /// Returns several rows for one.
    Expand,
    /// Creates rows without an input.
    Source,
    /// Reads all rows before it returns its result.
    Aggregate,
}

/// Options for creating a step.
#[derive(Debug, Clone, Default)]
pub struct NewStep {
    /// The folder to create. The step is named after it.
    pub folder: PathBuf,
    /// The language.
    pub language: Language,
    /// The template.
    pub template: StepTemplate,
    /// The folder of the SDK. `None` for that of the clone around the folder, or the one that is part of this library.
    pub sdk: Option<PathBuf>,
}

/// A created step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeStep {
    /// The file with the step's code.
    pub source: PathBuf,
    /// The pipeline file, which runs the step on the rows of its case.
    pub pipeline: PathBuf,
}

impl NewStep {
    /// Creates the folder and its contents. Existing files are not changed.
    ///
    /// # Errors
    /// The name is not allowed for a step, the folder exists already, the given SDK is none, or a file cannot be written.
    /// The folder is then not created, or removed again.
    pub fn make(&self) -> Result<MadeStep, NewError> {
        let names = Names::from_folder(&self.folder, self.language, self.template)?;
        if self.folder.symlink_metadata().is_ok() {
            return Err(NewError::Exists { path: self.folder.clone() });
        }
        let found = sdk::find(&self.folder, self.sdk.as_deref())?;
        let manifest = sdk::ManifestParts::new(&self.folder, found.as_deref());
        let source = match self.language {
            Language::Rust => "src/lib.rs".to_owned(),
            Language::Python => format!("{}.py", names.function),
            Language::JavaScript => "step.js".to_owned(),
        };
        let all = files(self.language, self.template, &names, &manifest, &source);
        let written = write(&self.folder, all.iter().map(|(path, text)| (path.as_str(), text.as_str())))
            .and_then(|()| write(&self.folder, cases(self.template)));
        if let Err(error) = written {
            // This call created the folder, so it can be removed.
            let _ = fs::remove_dir_all(&self.folder);
            return Err(error);
        }
        // In messages, Windows has one kind of separator.
        let source = source.split('/').collect::<PathBuf>();
        Ok(MadeStep { source: self.folder.join(source), pipeline: self.folder.join(template::PIPELINE) })
    }
}

fn write<'a>(folder: &Path, files: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), NewError> {
    for (path, text) in files {
        let path = folder.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| create(&path, text));
        made.map_err(|source| NewError::Write { path, source })?;
    }
    Ok(())
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    use io::Write as _;
    fs::File::create_new(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests;
