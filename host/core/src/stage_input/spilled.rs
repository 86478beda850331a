//! Stage inputs from the spill files of earlier stages.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use super::{InputReader, StepReporter};
use crate::failure::Failure;
use crate::row_size::columns_bytes;
use crate::spill::{Spill, SpillError, SpillReader};
use crate::stage::Stage;
use crate::stage::WorkItem;

/// Bytes of rows at which a batch of another size ends early. Rows of several batches are joined, and the values of a joined column have
/// 32-bit offsets.
const MAX_BATCH_BYTES: usize = 256 << 20;

/// Reads a spill file, in its own batches or in batches of another size.
#[derive(Debug)]
pub(super) struct SpillInput {
    reader: SpillReader,
    name: Arc<str>,
    batch_rows: Option<usize>,
    /// Rows that were read, but not returned yet.
    rest: Vec<RecordBatch>,
    rest_rows: usize,
    next: u64,
}

impl SpillInput {
    /// Opens the spill file. With `batch_rows`, every batch but the last has exactly this number of rows, or fewer that take 256 MiB.
    pub(super) fn open(spill: &Arc<Spill>, batch_rows: Option<usize>) -> Result<Self, SpillError> {
        let reader = SpillReader::open(spill)?;
        Ok(Self { reader, name: Arc::clone(&spill.title), batch_rows, rest: Vec::new(), rest_rows: 0, next: 0 })
    }

    /// Returns the next batch and the number of its first row.
    pub(super) fn batch(&mut self) -> Result<Option<(u64, RecordBatch)>, Box<Failure>> {
        let batch = match self.batch_rows {
            None => self.read()?,
            Some(rows) => self.recut(rows)?,
        };
        let first = self.next;
        self.next += batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        Ok(batch.map(|batch| (first, batch)))
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, Box<Failure>> {
        let batch = self.reader.next().map_err(|error| Box::new(Failure::host(&error)))?;
        Ok(batch.map(|(_, batch)| batch))
    }

    fn recut(&mut self, rows: usize) -> Result<Option<RecordBatch>, Box<Failure>> {
        let mut bytes = self.rest.iter().map(|batch| columns_bytes(batch.columns())).sum::<usize>();
        while self.rest_rows < rows && bytes < MAX_BATCH_BYTES {
            let Some(batch) = self.read()? else { break };
            self.rest_rows += batch.num_rows();
            bytes += columns_bytes(batch.columns());
            self.rest.push(batch);
        }
        let Some(first) = self.rest.first() else { return Ok(None) };
        let whole = match self.rest.as_slice() {
            [only] => only.clone(),
            several => concat_batches(first.schema_ref(), several).map_err(|error| Box::new(Failure::host(&error)))?,
        };
        let count = whole.num_rows().min(rows);
        let left = whole.num_rows() - count;
        self.rest = if left == 0 { Vec::new() } else { vec![whole.slice(count, left)] };
        self.rest_rows = left;
        Ok(Some(whole.slice(0, count)))
    }
}

impl InputReader for SpillInput {
    fn next(&mut self, _: &Stage, _: StepReporter<'_>) -> Result<Option<WorkItem>, Box<Failure>> {
        let batch = self.batch()?;
        Ok(batch.map(|(first, batch)| WorkItem::ready(vec![batch], &self.name, first)))
    }
}
