//! Reports of a run for people who were not there: an HTML page, a `JUnit` file, SARIF, and annotations and a summary for GitHub.
//!
//! A [`Collector`] follows the run by its events. When the run has ended, [`ReportTargets`] writes what was asked for from the same
//! [`Evidence`].

mod annotations;
mod edges;
mod environment;
mod evidence;
mod groups;
mod html;
mod junit;
mod places;
mod sarif;
mod step_summary;
#[cfg(test)]
mod tests;
mod text;
mod timeline;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::output::console::eprint;

pub(crate) use environment::environment;
pub(crate) use evidence::{Collector, Evidence, RunEnd, RunVerdict};

/// The variable with the file for the summary of a step of a workflow.
const SUMMARY_VARIABLE: &str = "GITHUB_STEP_SUMMARY";

/// The reports that a run writes when it has ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReportTargets {
    /// The HTML page.
    pub(crate) page: Option<PathBuf>,
    /// The `JUnit` report.
    pub(crate) junit: Option<PathBuf>,
    /// The failures as SARIF.
    pub(crate) sarif: Option<PathBuf>,
    /// Whether to print annotations, and to write a summary where GitHub asks for it.
    pub(crate) annotates: bool,
}

impl ReportTargets {
    /// Returns whether there is anything to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.page.is_none() && self.junit.is_none() && self.sarif.is_none() && !self.annotates
    }

    /// Returns the files that are written, each with the option that names it.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        let named = |name| move |path| (name, path);
        let tests = self.junit.iter().map(named("--junit")).chain(self.sarif.iter().map(named("--sarif")));
        self.page.iter().map(named("--report")).chain(tests)
    }

    /// Writes the reports. All are tried; returns the errors of those that cannot be written.
    pub(crate) fn write(&self, evidence: &Evidence) -> Vec<anyhow::Error> {
        let mut errors = Vec::new();
        if let Some(path) = &self.page {
            errors.extend(fs::write(path, html::page(evidence)).with_context(|| cannot_write(path)).err());
        }
        if let Some(path) = &self.junit {
            let written = junit::document(evidence).with_context(|| cannot_write(path));
            let written = written.and_then(|xml| fs::write(path, xml).with_context(|| cannot_write(path)));
            errors.extend(written.err());
        }
        if let Some(path) = &self.sarif {
            let document = format!("{:#}\n", sarif::document(evidence));
            errors.extend(fs::write(path, document).with_context(|| cannot_write(path)).err());
        }
        if self.annotates {
            eprint!("{}", annotations::commands(evidence));
            if let Some(path) = env::var_os(SUMMARY_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from) {
                let written = step_summary::append(&path, evidence);
                errors.extend(written.with_context(|| format!("cannot write the summary to {}", path.display())).err());
            }
        }
        errors
    }
}

/// Returns the message for a report that cannot be written.
pub(crate) fn cannot_write(path: &Path) -> String {
    format!("cannot write the report to {}", path.display())
}
