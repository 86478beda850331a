//! The steps compared with their lock.

use std::collections::{BTreeMap, BTreeSet};

use crate::component::Component;
use crate::config::{Config, ConfigLocation, Diagnostic, StepTable};
use crate::grants::Grants;
use crate::lockfile::LockedStep;

/// What to do about differences that are wanted.
const HELP: &str = "review the step, then accept it with `stillbox lock PIPELINE.toml --update STEP`";

/// The locked steps of a pipeline, by name.
pub(crate) type LockedSteps = BTreeMap<String, LockedStep>;

/// Describes a step for the lock.
pub(crate) fn describe(step: &StepTable, component: &Component, grants: &Grants) -> LockedStep {
    let models: BTreeSet<&str> = step.models.iter().map(|(_, model)| model.as_str()).collect();
    LockedStep {
        models: models.into_iter().map(ToOwned::to_owned).collect(),
        ..LockedStep::new(component, &step.component.written, step.component.path().is_dir(), grants)
    }
}

/// Returns how a step differs from its lock. It is called before the step is given anything that it is granted.
pub(super) fn check(step: &StepTable, component: &Component, grants: &Grants, locked: &LockedSteps) -> Vec<Diagnostic> {
    let name = &*step.name;
    let location = || step.component.location.clone();
    let Some(before) = locked.get(name) else {
        let diagnostic = Diagnostic::new(location(), format!("step `{name}` is not in the lock"));
        return vec![diagnostic.help(HELP)];
    };
    let now = describe(step, component, grants);
    let differences = before.differences(&now);
    let last = differences.len().saturating_sub(1);
    let diagnostic = |(index, difference): (usize, String)| {
        let message = format!("step `{name}` {} {difference}", now.version);
        let diagnostic = Diagnostic::new(location(), message);
        if index == last { diagnostic.help(HELP) } else { diagnostic }
    };
    differences.into_iter().enumerate().map(diagnostic).collect()
}

/// Returns a diagnostic for each step of the lock that the pipeline does not have.
pub(super) fn check_names(config: &Config, locked: &LockedSteps) -> Vec<Diagnostic> {
    let is_missing = |name: &&String| !config.steps.iter().any(|step| *step.name == **name);
    let diagnostic = |name: &String| {
        let message = format!("the lock has a step `{name}`, and the pipeline does not");
        Diagnostic::new(ConfigLocation::File, message).help("lock the pipeline again: `stillbox lock PIPELINE.toml`")
    };
    locked.keys().filter(is_missing).map(diagnostic).collect()
}
