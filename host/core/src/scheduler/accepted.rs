//! The accepted rows of a run with `until`.

use std::sync::Arc;

use crate::sink::{Encoder, SinkError};
use crate::stage::TaskOutput;

/// Counts accepted rows in the order of the source, and cuts off those after the last one that is wanted.
pub(crate) struct AcceptedRows {
    wanted: u64,
    accepted: u64,
    /// The encoder of the only sink.
    encoder: Arc<dyn Encoder>,
}

impl AcceptedRows {
    /// `accepted` rows were written before the run was resumed.
    pub(crate) fn new(wanted: u64, accepted: u64, encoder: &Arc<dyn Encoder>) -> Self {
        Self { wanted, accepted, encoder: Arc::clone(encoder) }
    }

    /// Whether no further row is wanted.
    pub(super) fn are_enough(&self) -> bool {
        self.accepted >= self.wanted
    }

    /// Counts the accepted rows of the next output in order. From the last output that is wanted, rows are cut off; the others are
    /// encoded again. Everything else in it stays: steps have processed all of its rows.
    ///
    /// # Errors
    /// The rows cannot be encoded.
    pub(super) fn count(&mut self, output: &mut TaskOutput) -> Result<(), SinkError> {
        let Some(found) = &mut output.accepted else { return Ok(()) };
        let (rows, left) = (found.rows.num_rows() as u64, self.wanted - self.accepted);
        if rows > left {
            found.rows = found.rows.slice(0, left as usize);
            found.left_out += rows - left;
            for (_, encoded) in &mut output.encoded {
                *encoded = self.encoder.encode(&found.rows)?;
            }
            for (_, written) in &mut output.written {
                *written = left;
            }
        }
        self.accepted += rows.min(left);
        Ok(())
    }
}
