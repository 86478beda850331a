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
    /// The largest batch that is joined from several, in bytes.
    max_bytes: usize,
    /// Rows that were read, but not returned yet.
    rest: Vec<RecordBatch>,
    rest_rows: usize,
    rest_bytes: usize,
    /// The batch after them, which is not joined with them because both would take too many bytes.
    large: Option<RecordBatch>,
    next: u64,
}

impl SpillInput {
    /// Opens the spill file. With `batch_rows`, every batch but the last has exactly this number of rows, or fewer that take 256 MiB.
    pub(super) fn open(spill: &Arc<Spill>, batch_rows: Option<usize>) -> Result<Self, SpillError> {
        let reader = SpillReader::open(spill)?;
        Ok(Self {
            reader,
            name: Arc::clone(&spill.title),
            batch_rows,
            max_bytes: MAX_BATCH_BYTES,
            rest: Vec::new(),
            rest_rows: 0,
            rest_bytes: 0,
            large: None,
            next: 0,
        })
    }

    /// Returns the next batch and the number of its first row.
    pub(super) fn batch(&mut self) -> Result<Option<(u64, RecordBatch)>, Box<Failure>> {
        let batch = match self.batch_rows {
            None => self.read()?,
            Some(rows) => {
                let count = self.fill(rows)?;
                self.take(count)?
            }
        };
        let first = self.next;
        self.next += batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        Ok(batch.map(|batch| (first, batch)))
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, Box<Failure>> {
        let batch = self.reader.next().map_err(|error| Box::new(Failure::host(&error)))?;
        Ok(batch.map(|(_, batch)| batch))
    }

    /// Reads until this number of rows can be taken, or fewer that take as many bytes as a batch may have. Returns how many can be.
    fn fill(&mut self, rows: usize) -> Result<usize, Box<Failure>> {
        while self.rest_rows < rows && self.rest_bytes < self.max_bytes {
            let next = match self.large.take() {
                Some(batch) => Some(batch),
                None => self.read()?,
            };
            let Some(batch) = next else { break };
            let bytes = columns_bytes(batch.columns());
            if self.rest_rows > 0 && self.rest_bytes.saturating_add(bytes) > self.max_bytes {
                self.large = Some(batch);
                break;
            }
            self.rest_rows += batch.num_rows();
            self.rest_bytes += bytes;
            self.rest.push(batch);
        }
        Ok(self.rest_rows.min(rows))
    }

    /// Takes the first rows of those that were read.
    fn take(&mut self, count: usize) -> Result<Option<RecordBatch>, Box<Failure>> {
        let Some(first) = self.rest.first() else { return Ok(None) };
        let whole = match self.rest.as_slice() {
            [only] => only.clone(),
            several => concat_batches(first.schema_ref(), several).map_err(|error| Box::new(Failure::host(&error)))?,
        };
        let left = whole.num_rows() - count;
        self.rest = if left == 0 { Vec::new() } else { vec![whole.slice(count, left)] };
        self.rest_rows = left;
        self.rest_bytes = self.rest.iter().map(|batch| columns_bytes(batch.columns())).sum();
        Ok(Some(whole.slice(0, count)))
    }
}

/// Returns the next batches of several spill files of the same length, all with the same rows, and the number of their first row.
/// The rows of one file may take so many bytes that a batch of it ends early; those of the others then end with it.
///
/// # Errors
/// A read fails, or a file is corrupt.
pub(super) fn batches(inputs: &mut [SpillInput], rows: usize) -> Result<Option<(u64, Vec<RecordBatch>)>, Box<Failure>> {
    let mut count = rows;
    for input in &mut *inputs {
        count = count.min(input.fill(rows)?);
    }
    let mut batches = Vec::with_capacity(inputs.len());
    let mut start = 0;
    for input in inputs {
        let Some(batch) = input.take(count)? else { return Ok(None) };
        start = input.next;
        input.next += count as u64;
        batches.push(batch);
    }
    Ok(Some((start, batches)))
}

impl InputReader for SpillInput {
    fn next(&mut self, _: &Stage, _: StepReporter<'_>) -> Result<Option<WorkItem>, Box<Failure>> {
        let batch = self.batch()?;
        Ok(batch.map(|(first, batch)| WorkItem::ready(vec![batch], &self.name, first)))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int64Array, StringArray};

    use super::*;
    use crate::spill::{SpillFrame, SpillWriter};

    /// A spill file with texts of these lengths, a batch for each list of them.
    fn spilled(folder: &tempfile::TempDir, name: &str, batches: &[&[usize]]) -> SpillInput {
        let spill = Arc::new(Spill::new(folder.path().join(name), name));
        let mut writer = SpillWriter::open(&spill, None, None).unwrap();
        let mut row = 0;
        for lengths in batches {
            let numbers = Int64Array::from_iter_values(row..row + lengths.len() as i64);
            let texts = StringArray::from_iter_values(lengths.iter().map(|length| "x".repeat(*length)));
            row += lengths.len() as i64;
            let columns: [(&str, ArrayRef); 2] = [("n", Arc::new(numbers)), ("t", Arc::new(texts))];
            writer.write(&SpillFrame::encode(&RecordBatch::try_from_iter(columns).unwrap()).unwrap()).unwrap();
        }
        writer.flush().unwrap();
        SpillInput { max_bytes: 1000, ..SpillInput::open(&spill, Some(4)).unwrap() }
    }

    fn rows(batch: &RecordBatch) -> Vec<i64> {
        arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Int64Type>(batch.column(0)).values().to_vec()
    }

    #[test]
    fn batches_end_early_before_they_take_too_many_bytes() {
        let folder = tempfile::tempdir().unwrap();
        // The second batch alone is larger than the limit. It is not joined with others.
        let mut input = spilled(&folder, "a", &[&[1, 1], &[900, 900, 900], &[1, 1, 1], &[1]]);
        let batches = std::iter::from_fn(|| input.batch().unwrap());
        let batches: Vec<_> = batches.map(|(first, batch)| (first, rows(&batch))).collect();
        assert_eq!(batches, [(0, vec![0, 1]), (2, vec![2, 3, 4]), (5, vec![5, 6, 7, 8])]);
    }

    #[test]
    fn batches_of_several_files_have_the_same_rows() {
        let folder = tempfile::tempdir().unwrap();
        let mut inputs = [
            spilled(&folder, "a", &[&[1, 1], &[900, 900, 900], &[1, 1, 1]]),
            spilled(&folder, "b", &[&[1, 1, 1, 1, 1, 1, 1, 1]]),
            spilled(&folder, "c", &[&[1], &[600], &[600], &[600], &[1, 1, 1, 1]]),
        ];
        let mut next = 0;
        while let Some((first, parts)) = batches(&mut inputs, 4).unwrap() {
            assert_eq!(first, next);
            let all: Vec<_> = parts.iter().map(rows).collect();
            assert!(all.iter().all(|rows| *rows == all[0] && !rows.is_empty()), "{all:?}");
            next += all[0].len() as u64;
        }
        assert_eq!(next, 8);
    }
}
