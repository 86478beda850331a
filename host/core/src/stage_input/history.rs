//! The calls of an instance that lives across calls, for the bundle of a failure.

use arrow_array::RecordBatch;

use crate::batch::Rows;
use crate::bundle::{FailedCall, places};
use crate::failure::RowPlace;
use crate::instance_log::LogContent;
use crate::plan::Step;
use crate::row_size::columns_bytes;

/// Bytes of the batches of one instance that are in memory for its bundle.
const MAX_BYTES: usize = 64 << 20;

/// The batches that an instance was given, and its calls of `finish`.
#[derive(Default)]
pub(super) struct CallHistory {
    batches: Vec<RecordBatch>,
    /// The places of the rows of the last batch.
    places: Vec<RowPlace>,
    bytes: usize,
    pub(super) finishes: u64,
}

impl CallHistory {
    /// Adds a batch. Batches are dropped once they take too much memory.
    pub(super) fn add(&mut self, rows: &Rows) {
        self.bytes = self.bytes.saturating_add(columns_bytes(rows.columns.columns()));
        if self.bytes <= MAX_BYTES {
            self.batches.push(rows.columns.clone());
            self.places = places(rows, 0..rows.count());
        } else {
            self.batches = Vec::new();
        }
    }

    /// Returns the last call, or `None` if there were too many rows.
    pub(super) fn failed_call<'a>(&self, step: &'a Step, log: LogContent) -> Option<FailedCall<'a>> {
        (self.bytes <= MAX_BYTES).then(|| FailedCall {
            step,
            seed: 0,
            batches: self.batches.clone(),
            places: self.places.clone(),
            finishes: self.finishes,
            earlier_batches: 0,
            log,
            is_row_searched: false,
        })
    }
}
