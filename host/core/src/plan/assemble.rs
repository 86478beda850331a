//! The outgoing rows of a step: its own columns, and those that are carried along.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::take::take;

use super::{ColumnSource, Step};

impl Step {
    /// Assembles rows that come from `input`: from the rows in `origins`, or from all of them in order.
    ///
    /// # Errors
    /// The columns are not those that were planned.
    pub(crate) fn assemble_from(
        &self,
        rows: usize,
        outputs: &[ArrayRef],
        input: &RecordBatch,
        origins: Option<&UInt32Array>,
    ) -> Result<RecordBatch, ArrowError> {
        self.assemble(rows, outputs, |index| match origins {
            None => Ok(Arc::clone(input.column(index))),
            Some(origins) => take(input.column(index), origins, None),
        })
    }

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
        let columns = self.column_sources.iter().map(|source| match source {
            ColumnSource::Output(index) => Ok(Arc::clone(&outputs[*index])),
            ColumnSource::Carried(index) => carried(*index),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}
