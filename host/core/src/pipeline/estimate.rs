//! The use of models that a run would have, estimated from a sample of its rows.
//!
//! The sources are read to their end without any step, which counts their rows and keeps the first ones. These run through all steps; models
//! return placeholders, and nothing is written.

use std::collections::BTreeMap;
use std::mem;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchIterator};
use parking_lot::Mutex;

use super::{Pipeline, RunError, RunOptions};
use crate::config::path_setting::PathSetting;
use crate::config::projection::ProjectionTable;
use crate::config::{Config, ConfigLocation, Diagnostic, Located, RejectsTable};
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
}

impl Pipeline {
    /// Estimates the requests, tokens and cost of models: reads all rows of the sources, runs the first `sample_rows` of each through the
    /// steps, and scales their use of models to all rows. Models get no request, and nothing is written; other requests that steps are
    /// granted are sent.
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
        let folder = tempfile::tempdir().map_err(|error| failed(Failure::host(&error)))?;
        let samples = (0..self.config.sources.len())
            .map(|index| self.sample(engine, options, (index, sample_rows), folder.path()))
            .collect::<Result<Vec<_>, _>>()?;
        let kept: u64 = samples.iter().map(|sample| sample.kept as u64).sum();
        let rows: u64 = samples.iter().map(|sample| sample.rows).sum();
        let estimates = Arc::new(Estimates::default());
        let report = self.run_sample(engine, options, (samples, &outline), &estimates, folder.path())?;
        let (rows, kept) = if self.config.sources.is_empty() { (report.rows_in, report.rows_in) } else { (rows, kept) };
        let factor = if kept == 0 { 1.0 } else { rows as f64 / kept as f64 };
        let usage = |model: &Located<ModelSettings>| scaled(estimates.usage(&model.name), model, factor);
        let rejected = report.steps.iter().filter(|step| step.rejected > 0);
        Ok(ModelEstimate {
            rows,
            sample_rows: kept,
            models: self.config.models.iter().map(usage).collect(),
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

    fn with_config(&self, config: Config) -> Self {
        Self { config: Arc::new(config), overrides: self.overrides.clone(), policy: self.policy.clone() }
    }
}

/// Rejected rows go to a folder that is removed.
fn rejects_in(folder: &Path) -> RejectsTable {
    let path = PathSetting { written: "rejects.jsonl".into(), base: folder.to_owned() };
    RejectsTable { path: Located::new(path, ConfigLocation::File), max_rejects: None }
}

/// Returns the use of all rows, with its cost.
fn scaled(sample: EstimatedUsage, model: &ModelSettings, factor: f64) -> EstimatedUsage {
    let scale = |number: u64| (number as f64 * factor).ceil() as u64;
    let (input_tokens, output_tokens) = (scale(sample.input_tokens), scale(sample.output_tokens));
    let cost = model.price.map(|price| price.cost(input_tokens, output_tokens));
    let exceeds_tokens = model.budget.tokens.is_some_and(|most| input_tokens.saturating_add(output_tokens) > most);
    let exceeds_cost = model.budget.cost.zip(cost).is_some_and(|(most, cost)| cost > most);
    EstimatedUsage {
        requests: scale(sample.requests),
        without_max_tokens: scale(sample.without_max_tokens),
        input_tokens,
        output_tokens,
        cost,
        exceeds_budget: exceeds_tokens || exceeds_cost,
        ..sample
    }
}
