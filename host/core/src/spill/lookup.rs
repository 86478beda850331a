//! Looks up rows of a spill file in any order.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array, new_null_array};
use arrow_schema::{ArrowError, DataType};
use arrow_select::concat::concat;
use arrow_select::take::take;

use super::{FrameEntry, Spill, SpillError, SpillReader};

/// Maximum size of the batches cached in memory, in bytes. An aggregate with a smaller input reads each batch once.
const CACHE_BYTES: usize = 64 << 20;

/// Looks up rows of a spill file by their numbers. Memory is bounded by the rows of one lookup, in any order.
#[derive(Debug)]
pub(crate) struct SpillLookup {
    reader: SpillReader,
    /// Decoded batches by frame, the most recently used at the back.
    cache: VecDeque<(usize, RecordBatch)>,
    cached_bytes: usize,
}

/// A frame with its number of rows.
struct FoundFrame {
    index: usize,
    first_row: u64,
    rows: u64,
    max_row_bytes: u64,
}

impl SpillLookup {
    /// Opens the spill file.
    ///
    /// # Errors
    /// The file was removed.
    pub(crate) fn open(spill: &Arc<Spill>) -> Result<Self, SpillError> {
        Ok(Self { reader: SpillReader::open(spill)?, cache: VecDeque::new(), cached_bytes: 0 })
    }

    /// Returns how many of the first rows with these numbers take at most `bytes` in memory together; at least one.
    ///
    /// # Panics
    /// A row number is out of range.
    pub(crate) fn fitting(&self, numbers: &[Option<u32>], bytes: u64) -> usize {
        let mut left = bytes;
        let fits = |number: &Option<u32>| {
            let size = number.map_or(0, |number| self.frame_containing(u64::from(number)).max_row_bytes);
            let rest = left.checked_sub(size);
            left = rest.unwrap_or_default();
            rest.is_some()
        };
        numbers.iter().copied().take_while(fits).count().max(1).min(numbers.len())
    }

    /// Returns some columns of the rows with these numbers. Each column comes with its type, and is null in rows
    /// without a number. If no row has a number, columns may be missing in the spill file, as for a step with an empty
    /// input.
    ///
    /// # Errors
    /// A read fails, or a column exceeds the size of an array.
    ///
    /// # Panics
    /// A row number is out of range.
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
            let FoundFrame { index: frame, first_row, rows, .. } = self.frame_containing(u64::from(*first));
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
        let position = |number: u32| wanted.binary_search(&number).expect("the number is in the sorted list") as u32;
        let order: UInt32Array = numbers.iter().map(|number| number.map(position)).collect();
        let reordered = taken.into_iter().map(|parts| {
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            take(&concat(&parts)?, &order, None)
        });
        reordered.collect::<Result<_, _>>().map_err(|error| self.failed(error))
    }

    /// Returns the frame that contains a row.
    fn frame_containing(&self, number: u64) -> FoundFrame {
        let index = self.reader.spill.index();
        let frame = index.frames.partition_point(|entry| entry.first_row <= number) - 1;
        let FrameEntry { first_row, max_row_bytes, .. } = index.frames[frame];
        let end = index.frames.get(frame + 1).map_or(index.rows, |next| next.first_row);
        assert!(number < end, "origins are checked against the number of rows");
        FoundFrame { index: frame, first_row, rows: end - first_row, max_row_bytes }
    }

    fn batch(&mut self, frame: usize) -> Result<RecordBatch, SpillError> {
        if let Some(at) = self.cache.iter().position(|(cached, _)| *cached == frame) {
            let cached = self.cache.remove(at).expect("the position was just found");
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
