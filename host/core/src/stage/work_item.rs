//! What one task gets: rows of one of the stage's inputs.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;

use super::RejectedRow;
use crate::source::{Chunk, ChunkData, Decoder, RowPositions};

/// Rows for one task.
#[derive(Debug)]
pub(crate) struct WorkItem {
    pub(crate) rows: WorkRows,
    /// The number of the first row in its input, from 0.
    pub(crate) first: u64,
    /// Bytes of the input files that are read so far; none where the rows come from elsewhere.
    pub(crate) bytes_read: Option<u64>,
    /// Rows that were refused on the way to these.
    pub(crate) rejected: Vec<RejectedRow>,
}

/// The rows of a portion.
#[derive(Debug)]
pub(crate) enum WorkRows {
    /// As they were read; the task decodes them.
    Raw(Chunk),
    /// For each slot of the input, and all in the same places.
    Ready(Vec<RecordBatch>, RowPositions),
}

impl WorkItem {
    /// Rows that are there already.
    pub(crate) fn ready(rows: Vec<RecordBatch>, name: &Arc<str>, first: u64) -> Self {
        let positions = RowPositions::rows(Arc::clone(name), first + 1);
        Self { rows: WorkRows::Ready(rows, positions), first, bytes_read: None, rejected: Vec::new() }
    }

    /// The checksum of all portions up to this one, given that of those before it. It tells whether what is read again
    /// is what it was: text, and rows that a step makes. Of files of rows it only tells whether there are as many.
    pub(crate) fn checksum(&self, before: u32) -> u32 {
        let mut checksum = crc32fast::Hasher::new_with_initial(before);
        let rows = match &self.rows {
            WorkRows::Raw(Chunk { data: ChunkData::Text { bytes, .. }, rows, .. }) => {
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

/// Adds the rows of a batch to a checksum, and not what else is in the buffers that it has a part of.
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
    // What Arrow cannot write no spool can keep and no sink can write.
    let _ = writer.and_then(|mut writer| writer.write(batch));
}

/// What a stage needs to know of an input besides its feed.
pub(crate) struct StageInput {
    /// Of portions that are raw.
    pub(crate) decoder: Option<Arc<dyn Decoder>>,
    /// Whether its rows come from outside, and count as read.
    pub(crate) counts: bool,
    pub(crate) slots: Vec<usize>,
}
