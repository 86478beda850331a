//! Batches of models: collected before a run, and submitted after it.

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::error::failed;
use super::{RunError, RunOptions};
use crate::config::{Config, Diagnostic, Diagnostics};
use crate::failure::{Failure, FailureKind};
use crate::model::{ModelFailure, WaitingBatch};
use crate::model_client::{BatchJobs, RunningBatches};

/// A cancel ends the wait for the servers within this time.
const CHECK_EVERY: Duration = Duration::from_millis(50);

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
    loop {
        match running.result.recv_timeout(CHECK_EVERY) {
            Ok(result) => return result.map_err(from_model),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(reason) = options.interrupt.reason() {
                    return Err(RunError::Interrupted { reason, failures: Vec::new(), report: Box::default() });
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                let message = "a request for a batch ended without a result; this is a bug in Stillbox";
                return Err(failed(Failure::new(FailureKind::Host, message)));
            }
        }
    }
}

fn from_model(failure: ModelFailure) -> RunError {
    let ModelFailure { message, causes, hint } = failure;
    let mut failure = Failure::new(FailureKind::Model, message).with_hint(hint);
    failure.causes = causes;
    failed(failure)
}

/// Reports a model with `batch = true` in a run that no later one could continue. `why` says why not.
pub(super) fn check(config: &Config, why: &str) -> Result<(), Diagnostics> {
    let Some(model) = config.models.iter().find(|model| model.batch) else { return Ok(()) };
    let message =
        format!("model \"{}\" has `batch = true`, and no later run could collect the answers: {why}", model.name);
    let help = "write and read regular files, or leave out `batch` of the model";
    Err(config.diagnostics(vec![Diagnostic::new(model.location.clone(), message).help(help)]))
}
