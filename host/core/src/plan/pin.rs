//! `digest` of a step compared with its component.

use crate::component::Component;
use crate::config::{Diagnostic, StepTable};

/// Returns the problem of a component that is not the one that the step pins. It is called before the step is given anything that it
/// is granted.
pub(super) fn check(step: &StepTable, component: &Component) -> Option<Diagnostic> {
    let pinned = step.component.digest.as_ref().filter(|pinned| pinned.as_str() != &**component.digest())?;
    let (name, written) = (&*step.name, step.component.written.display());
    let found = component.digest();
    let message = format!("`{written}` has the digest {found}, and step `{name}` pins {}", pinned.value);
    let diagnostic = Diagnostic::new(pinned.location.clone(), message).label("pinned here");
    Some(diagnostic.help("review the component, then write its digest"))
}

/// Returns the problem of a step that pins a folder.
pub(super) fn check_folder(step: &StepTable) -> Option<Diagnostic> {
    let pinned = step.component.digest.as_ref().filter(|_| step.component.path().is_dir())?;
    let message = format!("step `{}` pins a folder, and what is built from one depends on the compiler", &*step.name);
    let diagnostic = Diagnostic::new(pinned.location.clone(), message);
    Some(diagnostic.help("leave out `digest`, or give the .wasm file that `stillbox build` makes"))
}
