//! Stage inputs: the work items of a stage, created in a fixed order on the reader's thread.

mod file;
mod guest;
mod history;
mod spilled;
mod stateful;
mod zipped;

use std::sync::Arc;

use crate::failure::Failure;
use crate::plan::{InputSource, StageSource};
use crate::report::StepReport;
use crate::source::Reader;
use crate::spill::{Spill, SpillError};
use crate::stage::{Stage, WorkItem};

use guest::{AggregateInput, GeneratorInput};
use spilled::SpillInput;
use zipped::ZippedInput;

pub(crate) use file::FileInput;

/// Receives the counts of a step on the reader's thread. Returns false once no further batch should start.
pub(crate) type StepReporter<'a> = &'a mut dyn FnMut(usize, StepReport) -> bool;

/// Creates the work items of one input of a stage.
pub(crate) trait InputReader: Send {
    /// Returns the next work item; `None` at the end, or if another batch would be needed but should not start.
    ///
    /// # Errors
    /// The input cannot be read, or the step that creates its rows fails.
    fn next(&mut self, stage: &Stage, report_step: StepReporter<'_>) -> Result<Option<WorkItem>, Box<Failure>>;
}

/// Opens an input of a stage. `reader` is the reader of a source.
///
/// # Errors
/// A spill file of an earlier stage was removed.
pub(crate) fn open(
    input: &StageSource,
    reader: Option<Box<dyn Reader>>,
    spills: &[Arc<Spill>],
    batch_rows: usize,
) -> Result<Box<dyn InputReader>, SpillError> {
    Ok(match &input.from {
        InputSource::Source(_) => {
            Box::new(FileInput::new(reader.expect("every source is read by one stage, which has its reader")))
        }
        InputSource::Generator { step, at_most } => Box::new(GeneratorInput::new(step, *at_most)),
        InputSource::Aggregate { step, spill } => Box::new(AggregateInput::open(step, &spills[*spill], batch_rows)?),
        InputSource::Spill { spill, batch_rows } => Box::new(SpillInput::open(&spills[*spill], *batch_rows)?),
        InputSource::Zipped(zip) => Box::new(ZippedInput::open(zip, spills, batch_rows)?),
    })
}
