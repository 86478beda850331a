//! Makes the call of a bundle again.

mod call;
mod error;
mod options;

use std::io::Write as _;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use serde_json::{Map, Value};

use super::bound::BoundStep;
use super::error::BindError;
use super::pool::LoadedComponent;
use crate::bundle::{Bundle, select_rows};
use crate::cleanup::{CleanupRegistry, Entry};
use crate::component::ComponentError;
use crate::engine::Fuel;
use crate::failure::Failure;
use crate::grants::{EnvGrant, Grants};
use crate::model::StepModels;
use crate::runtime::Engine;
use call::{BundledCall, Passed};
pub use error::ReplayError;
pub use options::ReplayOptions;

/// The result of a replay.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Replay {
    /// The outcome of the call.
    pub outcome: ReplayOutcome,
    /// Differences between the two calls that may change the outcome, one sentence each.
    pub notes: Vec<String>,
    /// Whether the component was another one than that of the bundle.
    pub is_other_component: bool,
}

/// The outcome of the call.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ReplayOutcome {
    /// The call failed in the same way: with the same kind and message, at the same row and line.
    Same(Box<Failure>),
    /// The call failed in another way.
    #[non_exhaustive]
    Different {
        /// The failure.
        failure: Box<Failure>,
        /// The differences, one sentence each.
        differences: Vec<String>,
    },
    /// The call passed.
    #[non_exhaustive]
    Passed {
        /// The number of output rows.
        rows: u64,
        /// The number of rows that the step left out.
        dropped: u64,
    },
}

/// The component of a bundle in a temporary file, until this is dropped.
struct UnpackedComponent {
    file: tempfile::NamedTempFile,
    _unfinished: Entry,
}

impl Bundle {
    /// Makes the call again, and compares its outcome with the failure of the bundle. Clocks, random numbers, responses and answers of models
    /// are those of the first call; nothing else is reached unless the options grant it.
    ///
    /// # Errors
    /// The call cannot be made: see [`ReplayError`].
    pub fn replay(&self, engine: &Engine, options: &ReplayOptions) -> Result<Replay, ReplayError> {
        let limits = self.limits();
        let fuel = if limits.fuel.is_some() { Fuel::On } else { Fuel::Off };
        let pool = engine.step_pool(1, fuel, &options.interrupt)?;
        let (_unpacked, component) = if let Some(path) = &options.component {
            (None, pool.load(path, &limits)?)
        } else {
            let unpacked = self.unpack(&options.cleanup)?;
            let loaded = pool.load(unpacked.file.path(), &limits);
            let component = loaded.map_err(|error| ComponentError { path: self.component_path(), ..error })?;
            if **component.digest() != *self.digest() {
                return Err(ReplayError::OtherComponent(Arc::clone(component.digest())));
            }
            (Some(unpacked), component)
        };
        let component = component.monitored(&options.monitor);
        let is_other_component = **component.digest() != *self.digest();
        let notes = self.notes(&options.grants);
        let replay = |outcome, mut notes: Vec<String>, more: Option<String>| {
            notes.extend(more);
            Replay { outcome, notes, is_other_component }
        };
        let bound = match self.bind(&component, &options.grants)? {
            Ok(bound) => bound,
            Err(failure) => return Ok(replay(self.compared(failure, true), notes, None)),
        };
        let rows = options.rows.clone();
        let (start, batches) = self.selected(rows)?;
        let call = BundledCall { bundle: self, bound: &bound, start };
        let mut failure = match call.make(&batches) {
            Ok(Passed { rows, dropped }) => return Ok(replay(ReplayOutcome::Passed { rows, dropped }, notes, None)),
            Err(failure) => failure,
        };
        let unsure = call.find_row(&mut failure, &batches);
        Ok(replay(self.compared(failure, unsure.is_some()), notes, unsure))
    }

    /// Returns the component's file for messages: the one of the run, and not the temporary one.
    fn component_path(&self) -> PathBuf {
        format!("{} of the bundle", self.component_file()).into()
    }

    /// Writes the component to a temporary file.
    fn unpack(&self, cleanup: &CleanupRegistry) -> Result<UnpackedComponent, ReplayError> {
        let Some(component) = &self.component else {
            let part = &self.head.component;
            let reason = part.omitted.clone().unwrap_or_else(|| "it was left out".into());
            return Err(ReplayError::NoComponent { reason, file: part.file.clone(), digest: part.digest.clone() });
        };
        let write = || {
            let mut file = tempfile::Builder::new().prefix("stillbox-").suffix(".wasm").tempfile()?;
            let entry = cleanup.add(file.path());
            file.write_all(component)?;
            Ok(UnpackedComponent { file, _unfinished: entry })
        };
        write().map_err(ReplayError::Temporary)
    }

    /// Binds the parameters and columns. The inner error is a failure of the step.
    fn bind(
        &self,
        component: &LoadedComponent,
        grants: &Grants,
    ) -> Result<Result<BoundStep, Box<Failure>>, ReplayError> {
        let parameters: Map<String, Value> =
            serde_json::from_str(&self.head.parameters).map_err(ReplayError::Parameters)?;
        let mut granted = Grants::default();
        for (name, value) in &self.head.grants.env {
            granted.add(EnvGrant::literal(name, value));
        }
        granted.extend(grants);
        let configured = component.configure_with(&parameters, &self.limits(), &granted, &StepModels::default(), None);
        let configured = match configured {
            Ok(configured) => configured,
            Err(BindError::Bind(failure)) => return Ok(Err(failure)),
            Err(other) => return Err(ReplayError::Grants(other)),
        };
        let schema = match self.batches.first() {
            Some(batch) => self.renamed(batch).map_err(ReplayError::Malformed)?.schema(),
            None => Arc::new(Schema::empty()),
        };
        let mut bound = configured.bind(&schema, "the bundle").map_err(ReplayError::Columns)?;
        bound.step.name = self.step().into();
        Ok(Ok(bound))
    }

    /// Returns the index of the first row, and the batches of the call.
    fn selected(&self, rows: Option<Range<usize>>) -> Result<(usize, Vec<RecordBatch>), ReplayError> {
        let batches = self.batches.iter().map(|batch| self.renamed(batch)).collect::<Result<Vec<_>, _>>();
        let mut batches = batches.map_err(ReplayError::Malformed)?;
        Ok((select_rows(&mut batches, rows)?, batches))
    }

    /// Compares a failure with that of the bundle.
    fn compared(&self, failure: Box<Failure>, is_row_unsure: bool) -> ReplayOutcome {
        let differences = differences(self.failure(), &failure, is_row_unsure);
        if differences.is_empty() {
            ReplayOutcome::Same(failure)
        } else {
            ReplayOutcome::Different { failure, differences }
        }
    }

    /// Returns how the call differs from the first one.
    fn notes(&self, grants: &Grants) -> Vec<String> {
        let head = &self.head;
        let mut notes = Vec::new();
        if head.is_redacted {
            notes.push("secrets were removed from the bundle, so the step may see other values".into());
        }
        if head.log.is_incomplete {
            notes.push("the responses and answers of the call were larger than 12 MiB, and the rest is missing".into());
        }
        if head.earlier_batches > 0 {
            notes.push(format!(
                "the instance had processed {} batches before, which are not part of the bundle",
                head.earlier_batches
            ));
        }
        if !head.grants.dirs.is_empty() && grants.dirs.is_empty() {
            notes.push(format!(
                "the step was granted folders ({}), whose files are not part of the bundle; `--allow-dir` grants one",
                head.grants.dirs.join(", ")
            ));
        }
        notes
    }
}

/// Returns the differences between a recorded failure and the one of a replay.
fn differences(recorded: &Failure, now: &Failure, is_row_unsure: bool) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, recorded: Option<String>, now: Option<String>| {
        if recorded != now {
            let text = |value: Option<String>| value.unwrap_or_else(|| "none".into());
            differences.push(format!("{what} was {}, and is {}", text(recorded), text(now)));
        }
    };
    compare("the kind", Some(recorded.kind.to_string()), Some(now.kind.to_string()));
    compare("the message", Some(quoted(&recorded.message)), Some(quoted(&now.message)));
    if !is_row_unsure {
        let row = |failure: &Failure| failure.row.as_ref().map(ToString::to_string);
        compare("the row", row(recorded), row(now));
    }
    let line = |failure: &Failure| failure.location.as_ref().map(ToString::to_string);
    compare("the source line", line(recorded), line(now));
    differences
}

fn quoted(text: &str) -> String {
    format!("{:?}", crate::text::cut(text, 500))
}
