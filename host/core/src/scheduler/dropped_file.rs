//! The file for a sample of the rows that steps drop.

use std::io;
use std::sync::Arc;

use crate::format::Compression;
use crate::runs::DroppedCheckpoint;
use crate::sink::{Encoded, SinkError, Writer, compress};
use crate::stage::{DropSampler, DroppedRow};
use crate::writeback::Durability;

/// The file, and the numbers of rows in it.
pub(crate) struct DroppedFile {
    pub(super) writer: Writer,
    sampler: Arc<DropSampler>,
    compression: Compression,
    /// The run's id.
    run: Arc<str>,
}

impl DroppedFile {
    pub(crate) fn new(writer: Writer, sampler: Arc<DropSampler>, compression: Compression) -> Self {
        Self { writer, sampler, compression, run: Arc::default() }
    }

    /// Sets the id of the run, which each line has.
    pub(crate) fn set_run(&mut self, run: &Arc<str>) {
        self.run = Arc::clone(run);
    }

    /// The room that is left, which tasks ask for before they return rows.
    pub(crate) fn sampler(&self) -> Arc<DropSampler> {
        Arc::clone(&self.sampler)
    }

    /// Encodes the rows of the next batch that the sample has room for.
    pub(super) fn encode(&self, rows: &[DroppedRow]) -> io::Result<Option<Encoded>> {
        let lines = self.sampler.lines(rows, &self.run);
        if lines.is_empty() {
            return Ok(None);
        }
        compress(self.compression, lines).map(|bytes| Some(Encoded::Bytes(bytes)))
    }

    pub(super) fn checkpoint(&mut self, durability: Durability) -> Result<DroppedCheckpoint, SinkError> {
        Ok(DroppedCheckpoint { file: self.writer.checkpoint(durability)?, rows: self.sampler.taken() })
    }
}
