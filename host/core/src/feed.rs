//! Feeds: what a stage reads, cut into portions in a fixed order. They live on the reader's thread.

mod file;
mod guest;
mod kept;
mod zipped;

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;

use crate::failure::Failure;
use crate::plan::{From, Input};
use crate::report::StepReport;
use crate::source::{Decoder, Piece, PieceData, Positions, Reader};
use crate::spool::{Spool, SpoolError};
use crate::stage::{Rejected, Stage};

use guest::{AggregateFeed, GeneratorFeed};
use kept::KeptFeed;
use zipped::ZippedFeed;

pub(crate) use file::FileFeed;

/// Rows for one task.
#[derive(Debug)]
pub(crate) struct Portion {
    pub(crate) rows: PortionRows,
    /// The number of the first row in its input, from 0.
    pub(crate) first: u64,
    /// Bytes of the input files that are read so far; none where the rows come from elsewhere.
    pub(crate) bytes_read: Option<u64>,
    /// Rows that were refused on the way to these.
    pub(crate) rejected: Vec<Rejected>,
}

/// The rows of a portion.
#[derive(Debug)]
pub(crate) enum PortionRows {
    /// As they were read; the task decodes them.
    Raw(Piece),
    /// For each slot of the input, and all in the same places.
    Ready(Vec<RecordBatch>, Positions),
}

impl Portion {
    /// Rows that are there already.
    fn ready(rows: Vec<RecordBatch>, name: &Arc<str>, first: u64) -> Self {
        let positions = Positions::rows(Arc::clone(name), first + 1);
        Self { rows: PortionRows::Ready(rows, positions), first, bytes_read: None, rejected: Vec::new() }
    }

    /// The checksum of all portions up to this one, given that of those before it. It tells whether what is read again
    /// is what it was: text, and rows that a step makes. Of files of rows it only tells whether there are as many.
    pub(crate) fn checksum(&self, before: u32) -> u32 {
        let mut checksum = crc32fast::Hasher::new_with_initial(before);
        let rows = match &self.rows {
            PortionRows::Raw(Piece { data: PieceData::Text { bytes, .. }, rows, .. }) => {
                checksum.update(bytes);
                *rows
            }
            PortionRows::Raw(piece) => piece.rows,
            PortionRows::Ready(batches, _) => {
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

/// Takes note of what a step did on the reader's thread. False once no further batch is to begin.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(usize, StepReport) -> bool;

/// Cuts one input of a stage into portions.
pub(crate) trait Feed: Send {
    /// The next portion, or none at the end; also none where it would take another batch that is not to begin.
    ///
    /// # Errors
    /// The input cannot be read, or the step that makes it fails.
    fn next(&mut self, stage: &Stage, tell: Tell<'_>) -> Result<Option<Portion>, Box<Failure>>;
}

/// Opens an input of a stage. A source brings its reader.
///
/// # Errors
/// What an earlier stage kept is not there any more.
pub(crate) fn open(
    input: &Input,
    reader: Option<Box<dyn Reader>>,
    spools: &[Arc<Spool>],
    batch_rows: usize,
) -> Result<Box<dyn Feed>, SpoolError> {
    Ok(match &input.from {
        From::Source(_) => {
            Box::new(FileFeed::new(reader.expect("every source is read by one stage, which has its reader")))
        }
        From::Generator(step) => Box::new(GeneratorFeed::new(step)),
        From::Aggregate { step, kept } => Box::new(AggregateFeed::open(step, &spools[*kept], batch_rows)?),
        From::Kept { kept, batch_rows } => Box::new(KeptFeed::open(&spools[*kept], *batch_rows)?),
        From::Zipped(zip) => Box::new(ZippedFeed::open(zip, spools, batch_rows)?),
    })
}

/// What a stage needs to know of an input besides its feed.
pub(crate) struct StageInput {
    /// Of portions that are raw.
    pub(crate) decoder: Option<Arc<dyn Decoder>>,
    /// Whether its rows come from outside, and count as read.
    pub(crate) counts: bool,
    pub(crate) slots: Vec<usize>,
}
