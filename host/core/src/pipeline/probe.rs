//! Short requests to the models of a pipeline.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::error::failed;
use super::{Pipeline, RunError, RunOptions};
use crate::failure::{Failure, FailureKind};
use crate::model::ModelProbe;
use crate::model_client::{Journal, RunningProbe};
use crate::runtime::Engine;

/// A cancel ends the wait for the servers within this time.
const CHECK_EVERY: Duration = Duration::from_millis(50);

impl Pipeline {
    /// Sends a short request of each kind (chat, completion, embeddings) to each model, and returns what the servers answer, in the order
    /// of the pipeline file. Their tokens are paid for.
    ///
    /// # Errors
    /// As [`check`](Self::check). A model that does not answer is part of the result.
    pub fn probe_models(&self, engine: &Engine, options: &RunOptions) -> Result<Vec<ModelProbe>, RunError> {
        let planned = self.plan(engine, options, None, &Journal::default())?;
        let running: Vec<RunningProbe> = planned.plan.models.iter().map(|model| model.probe()).collect();
        running.into_iter().map(|probe| wait(&probe.result, "a request to a model", options)).collect()
    }
}

/// Waits for a result. A cancel ends the wait. `what` makes the result.
pub(super) fn wait<T>(result: &Receiver<T>, what: &str, options: &RunOptions) -> Result<T, RunError> {
    loop {
        match result.recv_timeout(CHECK_EVERY) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(reason) = options.interrupt.reason() {
                    return Err(RunError::Interrupted { reason, failures: Vec::new(), report: Box::default() });
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                let message = format!("{what} ended without a result; this is a bug in Stillbox");
                return Err(failed(Failure::new(FailureKind::Host, message)));
            }
        }
    }
}
