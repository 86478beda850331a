//! A new step: a folder that builds, passes its case and runs as it is.
//!
//! What is written are the templates in `new/`, which are part of this program. The cases are the same in all
//! languages.

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
}

/// What a new step does with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// Adds columns.
    #[default]
    Transform,
    /// Keeps or drops rows.
    Filter,
    /// Makes several rows of one.
    Expand,
    /// Makes rows of nothing.
    Source,
    /// Sees all rows before it is done.
    Aggregate,
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct NewStep {
    /// The folder to make. The step is named after it.
    pub folder: PathBuf,
    /// The language.
    pub language: Language,
    /// What it does with rows.
    pub shape: Shape,
    /// The folder of the Rust SDK; by default it is looked for.
    pub sdk: Option<PathBuf>,
}

/// A step that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeStep {
    /// The file with the step's code.
    pub source: PathBuf,
    /// The folder of the SDK, which a Python step's author installs with pip; none if it was not found.
    pub sdk: Option<PathBuf>,
    /// The pipeline file, which runs the step on the rows of its case.
    pub pipeline: PathBuf,
}

impl NewStep {
    /// Makes the folder and all that is in it. Nothing that is there already is touched.
    ///
    /// # Errors
    /// The name does not do for a step, something is there already, the SDK is nowhere to be found, or a file cannot be
    /// written; the folder is then left out, or removed again.
    pub fn make(&self) -> Result<MadeStep, NewError> {
        let names = Names::of(&self.folder, self.language, self.shape)?;
        if self.folder.symlink_metadata().is_ok() {
            return Err(NewError::Exists { path: self.folder.clone() });
        }
        let found = sdk::find(&self.folder, self.sdk.as_deref(), self.language)?;
        let manifest = sdk::Manifest::new(&self.folder, found.as_deref());
        let source = match self.language {
            Language::Rust => "src/lib.rs".to_owned(),
            Language::Python => format!("{}.py", names.function),
        };
        let all = files(self.language, self.shape, &names, &manifest, &source);
        let written = write(&self.folder, all.iter().map(|(path, text)| (path.as_str(), text.as_str())))
            .and_then(|()| write(&self.folder, cases(self.shape)));
        if let Err(error) = written {
            // The folder is ours: it was not there before.
            let _ = fs::remove_dir_all(&self.folder);
            return Err(error);
        }
        Ok(MadeStep {
            source: self.folder.join(source),
            sdk: found.map(|sdk| sdk.canonicalize().unwrap_or(sdk)),
            pipeline: self.folder.join(template::PIPELINE),
        })
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
