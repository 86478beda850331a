//! Batches of requests that a server answers later.

use serde::Serialize;

/// A batch whose answers are not there yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WaitingBatch {
    /// The name of the model.
    pub model: String,
    /// The id of the batch at the server.
    pub batch: String,
    /// The number of its requests.
    pub requests: u64,
    /// Its status at the server, such as `in_progress`.
    pub status: String,
}

impl WaitingBatch {
    pub(crate) fn new(model: &str, batch: &str, requests: u64, status: &str) -> Self {
        Self { model: model.to_owned(), batch: batch.to_owned(), requests, status: status.to_owned() }
    }
}
