//! Feeds: what a stage reads, cut into portions in a fixed order. They live on the reader's thread.

mod file;
mod guest;
mod spilled;
mod stateful;
mod zipped;

use std::sync::Arc;

use crate::failure::Failure;
use crate::plan::{Input, InputSource};
use crate::report::StepReport;
use crate::source::Reader;
use crate::spill::{Spill, SpillError};
use crate::stage::{Stage, WorkItem};

use guest::{AggregateInput, GeneratorInput};
use spilled::SpillInput;
use zipped::ZippedInput;

pub(crate) use file::FileInput;

/// Takes note of what a step did on the reader's thread. False once no further batch is to begin.
pub(crate) type StepReporter<'a> = &'a mut dyn FnMut(usize, StepReport) -> bool;

/// Cuts one input of a stage into portions.
pub(crate) trait InputReader: Send {
    /// The next portion, or none at the end; also none where it would take another batch that is not to begin.
    ///
    /// # Errors
    /// The input cannot be read, or the step that makes it fails.
    fn next(&mut self, stage: &Stage, report_step: StepReporter<'_>) -> Result<Option<WorkItem>, Box<Failure>>;
}

/// Opens an input of a stage. A source brings its reader.
///
/// # Errors
/// What an earlier stage kept is not there any more.
pub(crate) fn open(
    input: &Input,
    reader: Option<Box<dyn Reader>>,
    spills: &[Arc<Spill>],
    batch_rows: usize,
) -> Result<Box<dyn InputReader>, SpillError> {
    Ok(match &input.from {
        InputSource::Source(_) => {
            Box::new(FileInput::new(reader.expect("every source is read by one stage, which has its reader")))
        }
        InputSource::Generator(step) => Box::new(GeneratorInput::new(step)),
        InputSource::Aggregate { step, kept } => Box::new(AggregateInput::open(step, &spills[*kept], batch_rows)?),
        InputSource::Spill { kept, batch_rows } => Box::new(SpillInput::open(&spills[*kept], *batch_rows)?),
        InputSource::Zipped(zip) => Box::new(ZippedInput::open(zip, spills, batch_rows)?),
    })
}
