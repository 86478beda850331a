//! Stage inputs from files.

use super::{InputReader, StepReporter};
use crate::failure::Failure;
use crate::source::Reader;
use crate::stage::Stage;
use crate::stage::{WorkItem, WorkRows};

/// Reads the files of a source.
pub(crate) struct FileInput {
    reader: Box<dyn Reader>,
    next: u64,
}

impl FileInput {
    pub(crate) fn new(reader: Box<dyn Reader>) -> Self {
        Self { reader, next: 0 }
    }
}

impl InputReader for FileInput {
    fn next(&mut self, _: &Stage, _: StepReporter<'_>) -> Result<Option<WorkItem>, Box<Failure>> {
        let Some(chunk) = self.reader.next_chunk().map_err(|error| Box::new(error.to_failure()))? else {
            return Ok(None);
        };
        let first = self.next;
        self.next += chunk.rows as u64;
        let bytes_read = Some(chunk.bytes_read);
        Ok(Some(WorkItem { rows: WorkRows::Raw(chunk), first, bytes_read, rejected: Vec::new(), is_cut: false }))
    }
}
