//! Components in registries: downloaded and uploaded by programs.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::component::{ComponentError, ComponentErrorKind, GUEST};
use crate::inspection::{InspectError, inspect};
use crate::reference::{Digest, Reference};
use crate::registry::{Artifact, Downloaded, RegistryError, Source, TransferOptions, check_target, upload};
use crate::runtime::Engine;

/// Checks that [`Engine::push`] can upload to a reference, without a request: to do so before a step is built.
///
/// # Errors
/// The reference has no tag, or is none of a registry.
pub fn check_push_target(reference: &Reference) -> Result<(), RegistryError> {
    check_target(reference)
}

/// An error of uploading a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The file is not a step.
    #[error(transparent)]
    Component(#[from] InspectError),
    /// The registry does not take it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Engine {
    /// Downloads a component to the folder of [`EngineBuilder::downloads`](crate::EngineBuilder::downloads). One with a digest that is
    /// there is not downloaded again. A tag is resolved each time.
    ///
    /// # Errors
    /// It cannot be downloaded, is no component, or has another digest.
    pub fn pull(&self, reference: &Reference, options: &TransferOptions) -> Result<Downloaded, RegistryError> {
        self.downloader(options).download(reference, None, Source::Anywhere)
    }

    /// Downloads the component of a reference that has a digest, as [`pull`](Self::pull) does.
    ///
    /// # Errors
    /// As [`pull`](Self::pull); and the text is no reference, or one without a digest.
    pub fn pull_pinned(&self, reference: &str, options: &TransferOptions) -> Result<Downloaded, RegistryError> {
        self.downloader(options).pinned(reference)
    }

    /// Uploads the step in a file to the tag of a reference, and returns the reference with its digest. `created` is the time of its
    /// creation, which is part of the digest; without one, the same file has the same digest.
    ///
    /// # Errors
    /// The file is not a step, the reference has no tag, or the registry does not take the component.
    pub fn push(
        &self,
        component: &Path,
        reference: &Reference,
        created: Option<SystemTime>,
        options: &TransferOptions,
    ) -> Result<Reference, PushError> {
        let inspection = inspect(self, component, None, options.own_interrupt())?;
        let wrong =
            |error| ComponentError { path: component.to_owned(), digest: None, kind: ComponentErrorKind::Read(error) };
        let bytes = fs::read(component).map_err(|error| InspectError::from(wrong(error)))?;
        if Digest::compute(&bytes).as_str() != &*inspection.digest {
            let error = std::io::Error::other("it was changed while it was read");
            return Err(InspectError::from(wrong(error)).into());
        }
        let artifact = Artifact {
            component: bytes.into(),
            name: inspection.manifest.name,
            version: inspection.manifest.version,
            summary: inspection.manifest.summary,
            exports: vec![GUEST.to_owned()],
            imports: inspection.imports.into_iter().map(|import| import.name).collect(),
            created,
        };
        Ok(upload(reference, artifact, self.name_servers(), options)?)
    }
}
