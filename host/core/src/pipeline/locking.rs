//! The steps of a pipeline, described for its lock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Pipeline, RunError, RunOptions};
use crate::lockfile::{Lock, LockedStep};
use crate::model_client::Journal;
use crate::plan::describe_for_lock;
use crate::runtime::Engine;

impl Pipeline {
    /// Returns the path of the pipeline file, as it was given.
    pub fn file(&self) -> &Path {
        &self.config.file
    }

    /// Returns the path of the lock next to the pipeline file.
    pub fn lock_path(&self) -> PathBuf {
        Lock::path_for(&self.config.file)
    }

    /// Describes each step for the lock, by its name. Loads and binds the steps as [`check`](Self::check) does.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn locked_steps(
        &self,
        engine: &Engine,
        options: &RunOptions,
    ) -> Result<BTreeMap<String, LockedStep>, RunError> {
        let options = RunOptions { takes_tags: true, ..options.clone() };
        let planned = self.plan(engine, &options, None, &Journal::default())?;
        let described = planned.plan.steps().filter_map(|step| {
            let table = self.config.steps.iter().find(|table| *table.name == *step.name)?;
            Some((step.name.to_string(), describe_for_lock(table, &step.component, &step.grants)))
        });
        Ok(described.collect())
    }

    /// Returns the components that are files without a digest, as written in the pipeline file. All others are folders that are built,
    /// or can be one file alone.
    pub fn compiled_components(&self) -> Vec<&Path> {
        let steps =
            self.config.steps.iter().filter(|step| !step.component.path().is_dir() && !step.component.is_pinned());
        steps.map(|step| &*step.component.written).collect()
    }
}
