//! The outgoing rows of a step: its own columns, and those that are carried along.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::ArrowError;

use super::{Placement, Step};

impl Step {
    /// Puts the columns of an output into their places among the carried columns, which `carried` returns by their index
    /// in the incoming rows.
    ///
    /// # Errors
    /// `carried` fails, or the columns are not those that were planned.
    pub(crate) fn assemble(
        &self,
        rows: usize,
        outputs: &[ArrayRef],
        mut carried: impl FnMut(usize) -> Result<ArrayRef, ArrowError>,
    ) -> Result<RecordBatch, ArrowError> {
        let columns = self.placements.iter().map(|placement| match placement {
            Placement::Output(index) => Ok(Arc::clone(&outputs[*index])),
            Placement::Carried(index) => carried(*index),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}
