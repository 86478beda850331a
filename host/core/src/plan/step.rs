//! A step of a plan, and its outgoing rows: its own columns, and those that are carried along.

use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::take::take;
use tokio::sync::Semaphore;

use crate::component::{Component, Signature};
use crate::config::instance::{CacheMode, InstanceLife};
use crate::engine::Access;
use crate::grants::Grants;
use crate::limits::Limits;
use crate::loader::StepSnapshot;
use crate::policy::OnFailure;

/// A component with its name, its parameters, and its columns bound to the incoming ones.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// The index among the steps of the graph in topological order.
    pub(crate) number: usize,
    pub(crate) name: Arc<str>,
    pub(crate) component: Arc<Component>,
    /// The component with the memory after `bind`. `None` if there can be none.
    pub(crate) snapshot: Option<Arc<StepSnapshot>>,
    /// A JSON object.
    pub(crate) parameters: Arc<str>,
    pub(crate) signature: Signature,
    pub(crate) limits: Limits,
    pub(crate) grants: Arc<Grants>,
    /// The grants, ready for instances. `None` if nothing is granted.
    pub(crate) access: Option<Arc<Access>>,
    pub(crate) on_failure: OnFailure,
    /// For every input of the signature, the index among the incoming columns. `None` for an optional column that is
    /// missing.
    pub(crate) inputs: Vec<Option<usize>>,
    /// The source of every outgoing column.
    pub(crate) column_sources: Vec<ColumnSource>,
    /// The outgoing columns.
    pub(crate) schema: SchemaRef,
    /// The maximum number of rows in a batch.
    pub(crate) batch_rows: usize,
    pub(crate) instance: InstanceLife,
    pub(crate) cache: CacheMode,
    /// Whether the rows that it drops are recorded. Only those of a transform can be.
    pub(crate) records_drops: bool,
    /// Limits the number of concurrent instances. `None` without `concurrency`.
    pub(crate) slots: Option<Arc<Semaphore>>,
}

/// The number of types that carried columns can have: booleans, integers, floats and texts.
const TYPES_OF_TEXT: usize = 4;

/// The source of an outgoing column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnSource {
    /// Carried along unchanged: the index among the incoming columns.
    Carried(usize),
    /// Written by the step: the index among its outputs.
    Output(usize),
}

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
        // Carried columns of text are null, and share an array for each of their types.
        let mut shared: Vec<(&ArrayRef, ArrayRef)> = Vec::new();
        self.assemble(rows, outputs, |index| {
            let column = input.column(index);
            let Some(origins) = origins else { return Ok(Arc::clone(column)) };
            if let Some((_, taken)) = shared.iter().find(|(of, _)| Arc::ptr_eq(of, column)) {
                return Ok(Arc::clone(taken));
            }
            let taken = take(column, origins, None)?;
            if shared.len() < TYPES_OF_TEXT && column.null_count() == column.len() {
                shared.push((column, Arc::clone(&taken)));
            }
            Ok(taken)
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
