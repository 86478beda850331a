//! Batches of models: collected before a run, and submitted after it.

use super::error::failed;
use super::{RunError, RunOptions, probe};
use crate::config::{Config, Diagnostic, Diagnostics};
use crate::model::{ModelFailure, WaitingBatch};
use crate::model_client::{BatchJobs, RunningBatches};

/// Returns the batches that have not ended. The results of the others are in the journal.
pub(super) fn collect(jobs: &BatchJobs, options: &RunOptions) -> Result<Vec<WaitingBatch>, RunError> {
    wait(jobs.collect(), options)
}

/// Submits the requests that were deferred. Returns their batches.
pub(super) fn submit(jobs: &BatchJobs, options: &RunOptions) -> Result<Vec<WaitingBatch>, RunError> {
    wait(jobs.submit(), options)
}

fn wait(
    running: Result<Option<RunningBatches>, ModelFailure>,
    options: &RunOptions,
) -> Result<Vec<WaitingBatch>, RunError> {
    let Some(running) = running.map_err(from_model)? else { return Ok(Vec::new()) };
    probe::wait(&running.result, "a request for a batch", options)?.map_err(from_model)
}

fn from_model(failure: ModelFailure) -> RunError {
    failed(failure.into())
}

/// Reports a model with `batch = true` in a run that no later one could continue. `why` says why not.
pub(super) fn check(config: &Config, why: &str) -> Result<(), Diagnostics> {
    let Some(model) = config.models.iter().find(|model| model.batch) else { return Ok(()) };
    let message =
        format!("model \"{}\" has `batch = true`, and no later run could collect the answers: {why}", model.name);
    let help = "write and read regular files, or leave out `batch` of the model";
    Err(config.diagnostics(vec![Diagnostic::new(model.location.clone(), message).help(help)]))
}
