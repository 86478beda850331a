//! A function of the calling program that takes the rows of a sink.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use parking_lot::Mutex;

use super::encode::{Encoded, Encoder, Target};
use super::error::SinkError;

/// The function: takes the next record batch.
type Handler = dyn FnMut(RecordBatch) -> Result<(), Box<dyn Error + Send + Sync>> + Send;

/// Takes record batches in order.
#[derive(Clone)]
pub(crate) struct BatchSink(Arc<Mutex<Handler>>);

impl BatchSink {
    /// Creates a sink that calls the function for each batch.
    pub(crate) fn new(
        handler: impl FnMut(RecordBatch) -> Result<(), Box<dyn Error + Send + Sync>> + Send + 'static,
    ) -> Self {
        Self(Arc::new(Mutex::new(handler)))
    }

    pub(super) fn take(&self, batch: RecordBatch) -> Result<(), Box<dyn Error + Send + Sync>> {
        (self.0.lock())(batch)
    }
}

impl PartialEq for BatchSink {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for BatchSink {}

impl fmt::Debug for BatchSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchSink").finish_non_exhaustive()
    }
}

/// Passes rows on as they are.
#[derive(Debug)]
pub(super) struct BatchEncoder {
    pub(super) target: Target,
}

impl Encoder for BatchEncoder {
    fn encode(&self, batch: &RecordBatch) -> Result<Encoded, SinkError> {
        Ok(Encoded::Rows(self.target.checked(batch)?, None))
    }
}
