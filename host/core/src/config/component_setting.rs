//! `component` and `digest` of a step: where its component is, and what it has to be.

use std::path::{Path, PathBuf};

use super::location::Located;
use super::parse_context::{ParseContext, shortened};
use super::path_setting;
use super::table::{Table, TableEntry};
use crate::reference::{Digest, Reference};

const HELP: &str = "add `component = \"…\"`: the step's .wasm file, the folder of its crate, or a reference such as \
    `oci://REGISTRY/NAME:TAG@sha256:…`";

/// Where the component of a step is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ComponentSetting {
    /// The path or reference as written.
    pub(crate) written: PathBuf,
    /// The file or folder. For a reference, the file in the cache once it is downloaded.
    path: PathBuf,
    /// The reference, if it is one.
    pub(crate) reference: Option<Reference>,
    /// The digest that the file must have.
    pub(crate) digest: Option<Located<Digest>>,
}

impl ComponentSetting {
    /// A file at this path.
    pub(crate) fn file(path: PathBuf) -> Self {
        Self { written: path.clone(), path, reference: None, digest: None }
    }

    /// The file or folder: absolute, or relative to the current directory. A reference that is not downloaded is a path without a
    /// file.
    pub(crate) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Sets the file that was downloaded.
    pub(crate) fn set_downloaded(&mut self, path: PathBuf) {
        self.path = path;
    }

    /// Returns the reference as written, if the component is one: for messages, which would name a file in the cache otherwise.
    pub(crate) fn written_reference(&self) -> Option<&Path> {
        self.reference.as_ref().map(|_| &*self.written)
    }

    /// Returns whether the file can be one alone.
    pub(crate) fn is_pinned(&self) -> bool {
        self.digest.is_some() || self.reference.as_ref().is_some_and(|reference| reference.digest().is_some())
    }
}

pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<ComponentSetting>> {
    let component = table.require("component", HELP).and_then(|entry| read_component(&entry, context));
    let digest = table.take("digest").map(|entry| read_digest(&entry, context));
    let mut component = component?;
    if let Some(digest) = digest {
        component.value.digest = Some(digest?);
    }
    Some(component)
}

fn read_component(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<Located<ComponentSetting>> {
    let setting = path_setting::read(entry, HELP, context)?;
    let (path, location) = (setting.value.path(), setting.location);
    let written = setting.value.written;
    let text = written.to_string_lossy();
    let reference = match Reference::is_meant(&text).then(|| Reference::parse(&text)).transpose() {
        Ok(reference) => reference,
        Err(problem) => {
            let message = format!("`{}` is not a reference to a component: {problem}", shortened(&text));
            context.push(entry.diagnostic(message));
            return None;
        }
    };
    Some(Located::new(ComponentSetting { written, path, reference, digest: None }, location))
}

fn read_digest(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<Located<Digest>> {
    let written = entry.string(context)?;
    match Digest::parse(&written.value) {
        Ok(digest) => Some(Located::new(digest, written.location)),
        Err(problem) => {
            let help = "`stillbox inspect` prints the digest of a component";
            context.push(entry.diagnostic(format!("{}: {problem}", entry.name)).help(help));
            None
        }
    }
}
