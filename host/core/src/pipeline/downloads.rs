//! Components that are elsewhere, downloaded before the plan is made.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::options::RunOptions;
use super::{Pipeline, RunError};
use crate::config::{Config, Diagnostic, StepTable};
use crate::failure::{Failure, FailureKind};
use crate::lockfile::LockedStep;
use crate::reference::{Digest, Reference};
use crate::registry::{Downloaded, RegistryError, RegistryErrorKind, Source, TransferOptions};
use crate::runtime::Engine;

/// A reference as written, and the digest of its component if another place than the reference has it.
type Wanted = (PathBuf, Option<Digest>);

impl Pipeline {
    /// Returns the settings of the file with each component that is elsewhere in the cache. Several steps share a download.
    ///
    /// # Errors
    /// A component cannot be downloaded, or could be another one in the next run; all problems are reported at once.
    pub(super) fn with_downloads(&self, engine: &Engine, options: &RunOptions) -> Result<Arc<Config>, RunError> {
        if self.config.steps.iter().all(|step| step.component.reference.is_none()) {
            return Ok(Arc::clone(&self.config));
        }
        let transfer = TransferOptions::new().interrupt(&options.interrupt).cleanup(&options.cleanup);
        let transfer = transfer.listener(&options.listener());
        let downloader = engine.downloader(&transfer);
        let locked = options.locked.as_ref().map(|lock| lock.steps(&self.config.file));
        let mut config = Config::clone(&self.config);
        let mut done: HashMap<Wanted, Result<Downloaded, Arc<RegistryError>>> = HashMap::new();
        let mut diagnostics = Vec::new();
        for step in &mut config.steps {
            let Some(reference) = step.component.reference.clone() else { continue };
            let locked = locked.as_ref().and_then(|locked| locked.get(&*step.name));
            let digest = match known_digest(step, &reference, locked) {
                Ok(digest) => digest,
                Err(kind) => {
                    diagnostics.push(diagnostic(step, &RegistryError::new(&reference, false, kind)));
                    continue;
                }
            };
            let download = || match (reference.digest().or(digest.as_ref()), self.config.is_untrusted) {
                (_, true) => downloader.download(&reference, digest.as_ref(), Source::Cache),
                (None, false) if !options.takes_tags => Err(downloader.unpinned(&reference)),
                _ => downloader.download(&reference, digest.as_ref(), Source::Anywhere),
            };
            let wanted = (step.component.written.clone(), digest.clone());
            let component = done.entry(wanted).or_insert_with(|| download().map_err(Arc::new));
            if let Some(reason) = options.interrupt.reason() {
                return Err(RunError::Interrupted { reason, failures: Vec::new(), report: Box::default() });
            }
            match component {
                Ok(component) => step.component.value.set_downloaded(component.path.clone()),
                Err(error) => diagnostics.push(diagnostic(step, error)),
            }
        }
        if diagnostics.is_empty() { Ok(Arc::new(config)) } else { Err(self.config.diagnostics(diagnostics).into()) }
    }
}

/// Returns the digest that `digest` or the lock has for a step whose reference has none.
///
/// # Errors
/// The lock is about another reference, so its digest is not what the pipeline means.
fn known_digest(
    step: &StepTable,
    reference: &Reference,
    locked: Option<&LockedStep>,
) -> Result<Option<Digest>, RegistryErrorKind> {
    if reference.digest().is_some() {
        return Ok(None);
    }
    if let Some(digest) = &step.component.digest {
        return Ok(Some(digest.value.clone()));
    }
    let Some(locked) = locked else { return Ok(None) };
    if locked.component != step.component.written.to_string_lossy() {
        return Err(RegistryErrorKind::OtherLocked { locked: locked.component.clone() });
    }
    // A lock that was written by hand may have anything here.
    Ok(locked.digest.as_deref().and_then(|digest| Digest::parse(digest).ok()))
}

fn diagnostic(step: &StepTable, error: &RegistryError) -> Diagnostic {
    let kind = match *error.kind {
        RegistryErrorKind::WrongDigest { .. } | RegistryErrorKind::NotAComponent(_) => FailureKind::Incompatible,
        _ => FailureKind::Host,
    };
    let failure = Failure { step: Some(step.name.value.as_str().into()), ..Failure::from_error(kind, error) };
    let diagnostic = Diagnostic::from_error(step.component.location.clone(), error).failure(failure);
    error.help().into_iter().fold(diagnostic, Diagnostic::help)
}
