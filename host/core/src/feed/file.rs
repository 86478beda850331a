//! Input files.

use super::{Feed, Portion, PortionRows, Tell};
use crate::failure::Failure;
use crate::source::Reader;
use crate::stage::{Stage, of_source};

/// Reads a source's files.
pub(crate) struct FileFeed {
    reader: Box<dyn Reader>,
    next: u64,
}

impl FileFeed {
    pub(crate) fn new(reader: Box<dyn Reader>) -> Self {
        Self { reader, next: 0 }
    }
}

impl Feed for FileFeed {
    fn next(&mut self, _: &Stage, _: Tell<'_>) -> Result<Option<Portion>, Box<Failure>> {
        let Some(piece) = self.reader.next_piece().map_err(|error| Box::new(of_source(&error)))? else {
            return Ok(None);
        };
        let first = self.next;
        self.next += piece.rows as u64;
        let bytes_read = Some(piece.bytes_read);
        Ok(Some(Portion { rows: PortionRows::Raw(piece), first, bytes_read, rejected: Vec::new() }))
    }
}
