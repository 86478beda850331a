//! Requests in batch files: the server answers them within a day, for a lower price.
//!
//! A model with `batch = true` sends no request by itself. A request whose result is not in the journal is added to a file ([`super::batch_queue`]), and
//! the batch of rows that it belongs to is put off. When no more rows can be processed, the files are submitted as jobs, and the run ends. A
//! later run asks for the jobs first (`jobs`): the results of one that has ended are written to the journal (`results`), and the rows
//! find them there.
//!
//! A job has a file of requests and a record next to it. Each step of its submission is recorded before the next one, so that a process
//! that is killed leaves at most one upload or job that no record names; a job is found again by its input file.

mod jobs;
mod results;
mod service;

use std::sync::atomic::Ordering;

use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};
use sha2::{Digest as _, Sha256};

use super::attempts::{NoAnswer, Outgoing, Received, UsedTokens};
use super::client::SharedModel;
use super::journal::{JournalKey, Stored};
use super::outcome::Outcome;
use crate::http::CallResponse;
use crate::model::{AnswerError, ModelFailure, tokens};

pub(crate) use jobs::{BatchJobs, RunningBatches};

/// Part of the key of every result.
const DOMAIN: &[u8] = b"stillbox-batch-1";

/// The end of a call of a step without answers.
#[derive(Debug)]
pub(crate) enum ModelEnd {
    /// No request can succeed.
    Failed(ModelFailure),
    /// Its requests are in a batch file, or will be.
    Deferred,
}

impl ModelEnd {
    /// Passes on that a call is deferred, and returns its other results, which are recorded.
    pub(super) fn unless_deferred<T>(result: Result<T, Self>) -> Result<Result<T, ModelFailure>, Self> {
        match result {
            Ok(value) => Ok(Ok(value)),
            Err(Self::Failed(failure)) => Ok(Err(failure)),
            Err(Self::Deferred) => Err(Self::Deferred),
        }
    }
}

impl From<ModelFailure> for ModelEnd {
    fn from(failure: ModelFailure) -> Self {
        Self::Failed(failure)
    }
}

/// Returns the key of the result of a request. `place` is where its answer is stored, which several requests share: the first one, and
/// its corrections.
fn result_key(place: &JournalKey, body: &[u8]) -> JournalKey {
    let digest = Sha256::new().chain_update(DOMAIN).chain_update(place.0).chain_update(body).finalize();
    JournalKey(digest.into())
}

impl SharedModel {
    /// Returns the value of a request from a job that has ended. A request that no job has is added to the next one.
    ///
    /// # Errors
    /// The request is deferred, or was rejected, or has failed too often.
    pub(super) fn batched<T>(
        &self,
        outgoing: &Outgoing<'_>,
        used: &mut UsedTokens,
        read: impl Fn(&serde_json::Value) -> Result<T, AnswerError>,
    ) -> Result<Received<T>, NoAnswer> {
        let key = result_key(&outgoing.place, outgoing.body);
        let (status, body) = match self.journal()?.get(&key) {
            Some(Stored::Response { status, body }) => (status, body),
            Some(Stored::Error(error, ..)) => return Err(NoAnswer::Error(error)),
            _ => {
                // The budget of the deferred requests stays reserved until the run ends.
                self.spending
                    .reserve(outgoing.body.len(), outgoing.max_tokens)
                    .map_err(|failure| self.fail(failure))?;
                self.queue.add(&key, outgoing.url, outgoing.body).map_err(|failure| self.fail(failure))?;
                self.counts.requests.fetch_add(1, Ordering::Relaxed);
                return Err(NoAnswer::Deferred);
            }
        };
        self.counts.stored_answers.fetch_add(1, Ordering::Relaxed);
        let response = CallResponse {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: HeaderMap::new(),
            body: Bytes::from(body),
        };
        match Outcome::of(Ok(response), &self.settings) {
            Outcome::Answer(json) => {
                used.add(&json);
                let (input, output) = tokens(&json);
                self.spending.add(input, output);
                read(&json).map(|value| Received { value, attempts: 1 }).map_err(NoAnswer::Error)
            }
            Outcome::Rejected(error) => Err(NoAnswer::Error(error)),
            Outcome::Limited(problem) | Outcome::Failed(problem) => {
                Err(NoAnswer::Error(AnswerError::transient(problem.message)))
            }
            Outcome::Fatal(failure) => Err(NoAnswer::Fatal(self.fail(failure))),
        }
    }
}
