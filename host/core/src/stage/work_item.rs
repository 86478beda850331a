//! Work items: the input of one task.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;

use super::RejectRecord;
use crate::row_size::{columns_bytes, plain_row_bytes};
use crate::source::{CHUNK_BYTES, Chunk, ChunkData, Decoder, RowPositions};

/// Rows of one input of a stage, for one task.
#[derive(Debug)]
pub(crate) struct WorkItem {
    pub(crate) rows: WorkRows,
    /// The number of the first row in its input, from 0.
    pub(crate) first: u64,
    /// Bytes of the input files read so far; `None` if the rows do not come from files.
    pub(crate) bytes_read: Option<u64>,
    /// Rows that were rejected before these.
    pub(crate) rejected: Vec<RejectRecord>,
    /// Whether rows were cut off that a later run may want.
    pub(crate) is_cut: bool,
}

/// The rows of a work item.
#[derive(Debug)]
pub(crate) enum WorkRows {
    /// An undecoded chunk. The task decodes it.
    Raw(Chunk),
    /// A batch for each slot of the input, all with the same positions.
    Ready(Vec<RecordBatch>, RowPositions),
}

impl WorkItem {
    /// Creates a work item of decoded rows.
    pub(crate) fn ready(rows: Vec<RecordBatch>, name: &Arc<str>, first: u64) -> Self {
        let positions = RowPositions::rows(Arc::clone(name), first + 1);
        Self { rows: WorkRows::Ready(rows, positions), first, bytes_read: None, rejected: Vec::new(), is_cut: false }
    }

    /// Returns the number of rows.
    pub(crate) fn count(&self) -> u64 {
        match &self.rows {
            WorkRows::Raw(chunk) => chunk.rows as u64,
            WorkRows::Ready(batches, _) => batches.first().map_or(0, |batch| batch.num_rows() as u64),
        }
    }

    /// Cuts off decoded rows after this many.
    pub(crate) fn truncate(&mut self, rows: u64) {
        if let WorkRows::Ready(batches, _) = &mut self.rows {
            for batch in batches.iter_mut().filter(|batch| batch.num_rows() as u64 > rows) {
                *batch = batch.slice(0, rows as usize);
                self.is_cut = true;
            }
        }
    }

    /// Returns the bytes that the rows take as plain data. `None` if they are not known, and not more than those of an item of the usual
    /// size.
    pub(crate) fn bytes(&self) -> Option<u64> {
        match &self.rows {
            WorkRows::Raw(Chunk { data: ChunkData::Text { bytes, bad, .. }, .. }) => {
                Some(bad.iter().map(|bad| bad.raw.len() as u64).sum::<u64>() + bytes.len() as u64)
            }
            WorkRows::Raw(Chunk { data: ChunkData::Rows { batch, carried, .. }, .. }) => match batch.num_rows() {
                // Its carried columns are not counted.
                1 => {
                    Some(plain_row_bytes(batch.columns(), 0)).filter(|bytes| carried.is_none() || *bytes > CHUNK_BYTES)
                }
                // More rows are only read together if they fit into such an item.
                _ => None,
            },
            WorkRows::Ready(..) if !self.rejected.is_empty() => None,
            WorkRows::Ready(batches, _) => {
                Some(batches.iter().map(|batch| columns_bytes(batch.columns()) as u64).sum())
            }
        }
    }

    /// Returns the checksum of all work items up to this one, from the checksum before it. A resumed run compares it to
    /// detect changed input. It covers text and the rows of steps; of Parquet and Arrow files, only the number of rows.
    pub(crate) fn checksum(&self, before: u32) -> u32 {
        let mut checksum = crc32fast::Hasher::new_with_initial(before);
        let rows = match &self.rows {
            WorkRows::Raw(Chunk { data: ChunkData::Text { bytes, bad, .. }, rows, .. }) => {
                for bad in bad {
                    checksum.update(bad.raw.as_bytes());
                }
                checksum.update(bytes);
                *rows
            }
            WorkRows::Raw(chunk) => chunk.rows,
            WorkRows::Ready(batches, _) => {
                for batch in batches {
                    add(batch, &mut checksum);
                }
                batches.iter().map(RecordBatch::num_rows).sum()
            }
        };
        checksum.update(&(rows as u64).to_le_bytes());
        checksum.finalize()
    }
}

/// Adds the rows of a batch to a checksum. The batch may be a slice, so its buffers cannot be added as a whole.
fn add(batch: &RecordBatch, checksum: &mut crc32fast::Hasher) {
    struct Summing<'a>(&'a mut crc32fast::Hasher);

    impl Write for Summing<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let writer = StreamWriter::try_new(Summing(checksum), batch.schema_ref());
    // The error is ignored: rows that Arrow cannot write cannot reach a spill file or a sink either.
    let _ = writer.and_then(|mut writer| writer.write(batch));
}

/// The properties of an input that its tasks need.
pub(crate) struct StageInput {
    /// The decoder of raw chunks.
    pub(crate) decoder: Option<Arc<dyn Decoder>>,
    /// Whether its rows come from outside the pipeline, and count as read.
    pub(crate) counts: bool,
    pub(crate) slots: Vec<usize>,
}
