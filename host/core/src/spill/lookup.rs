//! Rows of a spool in any order.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array, new_null_array};
use arrow_schema::{ArrowError, DataType};
use arrow_select::concat::concat;
use arrow_select::take::take;

use super::{Spill, SpillError, SpillReader};

/// Batches that are kept in memory for the next rows, in bytes. An aggregate whose input is smaller has each batch read
/// once.
const CACHE_BYTES: usize = 64 << 20;

/// Takes rows of a spool by their numbers. Memory is bounded by the rows that are taken at once, whatever their order.
#[derive(Debug)]
pub(crate) struct SpillLookup {
    reader: SpillReader,
    /// By frame, the one that was used last at the back.
    cache: VecDeque<(usize, RecordBatch)>,
    cached_bytes: usize,
}

impl SpillLookup {
    /// Opens the spool.
    ///
    /// # Errors
    /// It is not there any more.
    pub(crate) fn open(spill: &Arc<Spill>) -> Result<Self, SpillError> {
        Ok(Self { reader: SpillReader::open(spill)?, cache: VecDeque::new(), cached_bytes: 0 })
    }

    /// Some columns of the rows with these numbers, each with its type; of a row without a number they are null. Where there
    /// is no row at all there may be columns that the spool does not know: those that a step asks of an empty input.
    ///
    /// # Errors
    /// The disk fails, or the columns are larger than an array can be.
    ///
    /// # Panics
    /// There is no such row.
    pub(crate) fn rows(
        &mut self,
        numbers: &[Option<u32>],
        columns: &[(usize, DataType)],
    ) -> Result<Vec<ArrayRef>, SpillError> {
        let mut wanted: Vec<u32> = numbers.iter().flatten().copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() || columns.is_empty() {
            return Ok(columns.iter().map(|(_, data_type)| new_null_array(data_type, numbers.len())).collect());
        }
        let mut taken: Vec<Vec<ArrayRef>> = vec![Vec::new(); columns.len()];
        let mut rest = wanted.as_slice();
        while let Some(first) = rest.first() {
            let (frame, first_row, rows) = self.frame_containing(u64::from(*first));
            let here = rest.partition_point(|number| u64::from(*number) < first_row + rows);
            let batch = self.batch(frame)?;
            let indices = UInt32Array::from_iter_values(
                rest[..here].iter().map(|number| (u64::from(*number) - first_row) as u32),
            );
            for (taken, (column, _)) in taken.iter_mut().zip(columns) {
                taken.push(take(batch.column(*column), &indices, None).map_err(|error| self.failed(error))?);
            }
            rest = &rest[here..];
        }
        let position = |number: u32| wanted.binary_search(&number).expect("it is among those that were wanted") as u32;
        let order: UInt32Array = numbers.iter().map(|number| number.map(position)).collect();
        let reordered = taken.into_iter().map(|parts| {
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            take(&concat(&parts)?, &order, None)
        });
        reordered.collect::<Result<_, _>>().map_err(|error| self.failed(error))
    }

    /// The frame that a row is in, the number of its first row, and how many rows it has.
    fn frame_containing(&self, number: u64) -> (usize, u64, u64) {
        let index = self.reader.spill.index();
        let frame = index.frames.partition_point(|entry| entry.first_row <= number) - 1;
        let first = index.frames[frame].first_row;
        let end = index.frames.get(frame + 1).map_or(index.rows, |next| next.first_row);
        assert!(number < end, "origins are checked against the rows that there are");
        (frame, first, end - first)
    }

    fn batch(&mut self, frame: usize) -> Result<RecordBatch, SpillError> {
        if let Some(at) = self.cache.iter().position(|(cached, _)| *cached == frame) {
            let cached = self.cache.remove(at).expect("it was just found");
            let batch = cached.1.clone();
            self.cache.push_back(cached);
            return Ok(batch);
        }
        let entry = self.reader.spill.index().frames[frame];
        let batch = self.reader.read(entry)?;
        self.cached_bytes += batch.get_array_memory_size();
        self.cache.push_back((frame, batch.clone()));
        while self.cached_bytes > CACHE_BYTES && self.cache.len() > 1 {
            if let Some((_, oldest)) = self.cache.pop_front() {
                self.cached_bytes -= oldest.get_array_memory_size();
            }
        }
        Ok(batch)
    }

    fn failed(&self, error: ArrowError) -> SpillError {
        self.reader.spill.error(error)
    }
}
