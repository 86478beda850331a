//! Rows of several spill files, side by side.

use std::sync::Arc;

use super::spilled::{SpillInput, batches};
use super::{InputReader, StepReporter};
use crate::failure::{Failure, FailureKind};
use crate::plan::Zip;
use crate::spill::{Spill, SpillError};
use crate::stage::Stage;
use crate::stage::WorkItem;

/// Reads spill files of the same length in batches with the same rows.
#[derive(Debug)]
pub(super) struct ZippedInput {
    name: Arc<str>,
    inputs: Vec<SpillInput>,
    batch_rows: usize,
    /// For each file, a description of its rows and their number.
    lengths: Vec<(String, u64)>,
}

impl ZippedInput {
    pub(super) fn open(zip: &Zip, spills: &[Arc<Spill>], batch_rows: usize) -> Result<Self, SpillError> {
        let mut inputs = Vec::with_capacity(zip.spills.len());
        let mut lengths = Vec::with_capacity(zip.spills.len());
        for (spill, title) in &zip.spills {
            inputs.push(SpillInput::open(&spills[*spill], Some(batch_rows))?);
            lengths.push((title.clone(), spills[*spill].rows()));
        }
        Ok(Self { name: Arc::clone(&zip.name), inputs, batch_rows, lengths })
    }
}

impl InputReader for ZippedInput {
    fn next(&mut self, _: &Stage, _: StepReporter<'_>) -> Result<Option<WorkItem>, Box<Failure>> {
        let (first_title, length) = &self.lengths[0];
        if let Some((title, other)) = self.lengths.iter().find(|(_, other)| other != length) {
            let message = format!(
                "the columns cannot be joined, because there are {length} rows of {first_title} and {other} of {title}"
            );
            let mut failure = Failure::new(FailureKind::Incompatible, message);
            failure.step = Some(Arc::clone(&self.name));
            let hint =
                "`combine = \"columns\"` joins rows by their position, so all parents have to have the same rows";
            return Err(Box::new(failure.with_hint(hint)));
        }
        let Some((start, rows)) = batches(&mut self.inputs, self.batch_rows)? else { return Ok(None) };
        let name = format!("the input of \"{}\"", self.name).into();
        Ok(Some(WorkItem::ready(rows, &name, start)))
    }
}
