//! The use of models that a run would have, estimated from a sample of its rows.
//!
//! The sources are read to their end without any step, which counts their rows and keeps the first ones. These run through all steps; models
//! return placeholders, and nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Sum;
use std::mem;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchIterator};
use parking_lot::Mutex;

use super::{Pipeline, RunError, RunOptions};
use crate::config::path_setting::PathSetting;
use crate::config::projection::ProjectionTable;
use crate::config::{Config, ConfigLocation, Diagnostic, Located, RejectsTable, StepTable};
use crate::failure::Failure;
use crate::model::{EstimatedUsage, ModelEstimate, ModelSettings, RejectedRows};
use crate::model_client::Estimates;
use crate::outline::{NodeRole, Outline};
use crate::pipeline::error::failed;
use crate::policy::{OnFailure, Then};
use crate::report::Report;
use crate::runtime::Engine;

/// The first rows of a source, and the number of all.
#[derive(Debug, Default)]
struct Sample {
    batches: Vec<RecordBatch>,
    kept: usize,
    rows: u64,
}

impl Sample {
    fn add(&mut self, batch: &RecordBatch, most: usize) {
        self.rows += batch.num_rows() as u64;
        let taken = batch.num_rows().min(most - self.kept);
        if taken > 0 {
            self.batches.push(batch.slice(0, taken));
            self.kept += taken;
        }
    }

    fn counts(&self) -> RowCounts {
        RowCounts { kept: self.kept as u64, all: self.rows }
    }
}

/// The number of rows of sources.
#[derive(Debug, Clone, Copy, Default)]
struct RowCounts {
    /// Those of the sample.
    kept: u64,
    all: u64,
}

impl RowCounts {
    fn factor(self) -> f64 {
        if self.kept == 0 { 1.0 } else { self.all as f64 / self.kept as f64 }
    }
}

impl Sum for RowCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, next| Self { kept: sum.kept + next.kept, all: sum.all + next.all })
    }
}

impl Pipeline {
    /// Estimates the requests, tokens and cost of models: reads all rows of the sources, runs the first `sample_rows` of each through the
    /// steps, and scales the use of models by each step to all rows of the sources from which it gets its rows. Models get no request, and
    /// nothing is written; other requests that steps are granted are sent. Checkpointing, bundles and the executor of the options are not
    /// used.
    ///
    /// # Errors
    /// As [`run`](Self::run), except for failures of sinks. A source that is the standard input could not be read again.
    pub fn estimate_models(
        &self,
        engine: &Engine,
        options: &RunOptions,
        sample_rows: usize,
    ) -> Result<ModelEstimate, RunError> {
        if self.reads_stdin() {
            let message = "the rows of an estimate cannot come from standard input, which a run could not read again";
            let diagnostic = Diagnostic::new(ConfigLocation::File, message).help("read a file, with `--input`");
            return Err(RunError::Config(self.config.diagnostics(vec![diagnostic])));
        }
        let outline = self.check(engine, options)?;
        let options = &sampling(options);
        let folder = tempfile::tempdir().map_err(|error| failed(Failure::host(&error)))?;
        let samples = (0..self.config.sources.len())
            .map(|index| self.sample(engine, options, (index, sample_rows), folder.path()))
            .collect::<Result<Vec<_>, _>>()?;
        let counts: Vec<_> = samples.iter().map(Sample::counts).collect();
        let estimates = Arc::new(Estimates::default());
        let report = self.run_sample(engine, options, (samples, &outline), &estimates, folder.path())?;
        let RowCounts { kept, all } = match &*counts {
            [] => RowCounts { kept: report.rows_in, all: report.rows_in },
            counts => counts.iter().copied().sum(),
        };
        let factors = self.factors(&counts, &outline);
        let usage = |model: &ModelSettings| {
            let steps = self.config.steps.iter().zip(&factors);
            let usages = steps.map(|(step, factor)| scaled(&estimates.usage(&own_model(step, &model.name)), *factor));
            let none = EstimatedUsage { name: model.name.clone(), ..EstimatedUsage::default() };
            with_cost(usages.fold(none, |all, usage| sum(all, &usage)), model)
        };
        let rejected = report.steps.iter().filter(|step| step.rejected > 0);
        Ok(ModelEstimate {
            rows: all,
            sample_rows: kept,
            models: self.config.models.iter().map(|model| usage(model)).collect(),
            rejected: rejected.map(|step| RejectedRows { step: step.name.to_string(), rows: step.rejected }).collect(),
        })
    }

    /// Reads a source to its end.
    fn sample(
        &self,
        engine: &Engine,
        options: &RunOptions,
        (index, most): (usize, usize),
        folder: &Path,
    ) -> Result<Sample, RunError> {
        let mut config = (*self.config).clone();
        config.sources = vec![config.sources.swap_remove(index)];
        config.sources[0].name = None;
        config.sources[0].route = None;
        config.steps.clear();
        config.models.clear();
        config.sinks.truncate(1);
        for sink in &mut config.sinks {
            (sink.name, sink.from, sink.combine) = (None, None, None);
            sink.projection = ProjectionTable::default();
        }
        config.rejects = Some(rejects_in(folder));
        config.dropped = None;
        let sample = Arc::new(Mutex::new(Sample::default()));
        let options = options.clone().sink("sink", {
            let sample = Arc::clone(&sample);
            move |batch| {
                sample.lock().add(&batch, most);
                Ok(())
            }
        });
        self.with_config(config).run(engine, &options)?;
        let sample = mem::take(&mut *sample.lock());
        Ok(sample)
    }

    /// Runs samples of all sources through the steps.
    fn run_sample(
        &self,
        engine: &Engine,
        options: &RunOptions,
        (samples, outline): (Vec<Sample>, &Outline),
        estimates: &Arc<Estimates>,
        folder: &Path,
    ) -> Result<Report, RunError> {
        let mut config = (*self.config).clone();
        let mut options = options.clone();
        options.estimates = Some(Arc::clone(estimates));
        for (index, sample) in samples.into_iter().enumerate() {
            // A source without rows is read again.
            let Some(first) = sample.batches.first() else { continue };
            let schema = first.schema();
            config.sources[index].projection = ProjectionTable::default();
            let batches = RecordBatchIterator::new(sample.batches.into_iter().map(Ok), schema);
            options = options.source(config.source_name(index).to_string(), batches);
        }
        for index in 0..config.sinks.len() {
            options = options.sink(config.sink_name(index).to_string(), |_| Ok(()));
        }
        config.rejects = Some(rejects_in(folder));
        config.dropped = None;
        separate_models(&mut config);
        // A step that cannot use a placeholder loses a row of the sample, and not the estimate.
        let kinds: BTreeMap<&str, &str> = outline
            .nodes
            .iter()
            .filter_map(|node| match &node.role {
                NodeRole::Step { kind, .. } => Some((&*node.name, *kind)),
                _ => None,
            })
            .collect();
        for step in &mut config.steps {
            let is_transform = kinds.get(step.name.value.as_str()) == Some(&"transform");
            if is_transform && step.on_failure.then() == Then::Stop {
                step.on_failure.value = OnFailure::Reject;
            }
        }
        self.with_config(config).run(engine, &options)
    }

    /// Returns the factor for the use of models by each step: all rows of the sources from which it gets its rows, divided by those of the
    /// sample. It is 1 for a step that gets its rows from steps which make them.
    fn factors(&self, counts: &[RowCounts], outline: &Outline) -> Vec<f64> {
        // By node, the sources from which it gets rows. Parents are before their children.
        let mut sources: Vec<BTreeSet<usize>> = Vec::with_capacity(outline.nodes.len());
        for node in &outline.nodes {
            let own = match node.role {
                NodeRole::Source { .. } => (0..counts.len()).find(|index| self.config.source_name(*index) == node.name),
                _ => None,
            };
            let parents = node.edges.iter().flat_map(|edge| &sources[edge.parent]).copied();
            let all = parents.chain(own).collect();
            sources.push(all);
        }
        let factor = |name: &str| {
            let node = outline.nodes.iter().position(|node| &*node.name == name);
            let sources = node.into_iter().flat_map(|node| &sources[node]);
            sources.map(|source| counts[*source]).sum::<RowCounts>().factor()
        };
        self.config.steps.iter().map(|step| factor(&step.name.value)).collect()
    }

    fn with_config(&self, config: Config) -> Self {
        Self { config: Arc::new(config), overrides: self.overrides.clone(), policy: self.policy.clone() }
    }
}

/// Returns options that leave no trace: neither a checkpoint nor a bundle, and no request that another process sends.
fn sampling(options: &RunOptions) -> RunOptions {
    let mut options = options.clone();
    (options.checkpointing, options.bundles, options.executor) = (None, None, None);
    options
}

/// Gives each step models of its own, so that their use is counted by step.
fn separate_models(config: &mut Config) {
    let models = mem::take(&mut config.models);
    for step in &mut config.steps {
        let own = models.iter().filter(|model| step.models.iter().any(|(_, name)| name.value == model.name));
        config.models.extend(own.cloned().map(|mut model| {
            model.value.name = own_model(step, &model.name);
            model
        }));
        let names = step.models.iter().map(|(_, name)| own_model(step, &name.value)).collect::<Vec<_>>();
        for ((_, name), own) in step.models.iter_mut().zip(names) {
            name.value = own;
        }
    }
}

/// Returns the name of the model of one step. Names of models in a file have no dot.
fn own_model(step: &StepTable, model: &str) -> String {
    format!("{}.{model}", step.name.value)
}

/// Rejected rows go to a folder that is removed.
fn rejects_in(folder: &Path) -> RejectsTable {
    let path = PathSetting { written: "rejects.jsonl".into(), base: folder.to_owned() };
    RejectsTable { path: Located::new(path, ConfigLocation::File), max_rejects: None }
}

/// Returns the use of all rows.
fn scaled(sample: &EstimatedUsage, factor: f64) -> EstimatedUsage {
    let scale = |number: u64| (number as f64 * factor).ceil() as u64;
    EstimatedUsage {
        requests: scale(sample.requests),
        without_max_tokens: scale(sample.without_max_tokens),
        input_tokens: scale(sample.input_tokens),
        output_tokens: scale(sample.output_tokens),
        ..EstimatedUsage::default()
    }
}

fn sum(first: EstimatedUsage, second: &EstimatedUsage) -> EstimatedUsage {
    EstimatedUsage {
        requests: first.requests.saturating_add(second.requests),
        without_max_tokens: first.without_max_tokens.saturating_add(second.without_max_tokens),
        input_tokens: first.input_tokens.saturating_add(second.input_tokens),
        output_tokens: first.output_tokens.saturating_add(second.output_tokens),
        ..first
    }
}

fn with_cost(usage: EstimatedUsage, model: &ModelSettings) -> EstimatedUsage {
    let cost = model.price.map(|price| price.cost(usage.input_tokens, usage.output_tokens));
    let tokens = usage.input_tokens.saturating_add(usage.output_tokens);
    let exceeds_tokens = model.budget.tokens.is_some_and(|most| tokens > most);
    let exceeds_cost = model.budget.cost.zip(cost).is_some_and(|(most, cost)| cost > most);
    EstimatedUsage { cost, exceeds_budget: exceeds_tokens || exceeds_cost, ..usage }
}
