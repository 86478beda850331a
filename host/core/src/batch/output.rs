//! The checked result of a call: the rows that passed, and the rows that the step rejected.

use super::CheckedOutput;
use crate::engine::{Attribution, CapturedOutput, DropReasons};
use crate::failure::Failure;
use crate::sandbox;

/// The result of a call.
#[derive(Debug)]
pub(crate) struct StepOutput {
    /// The rows that passed. Its `rejections` are empty.
    pub(crate) output: CheckedOutput,
    /// The rows that the step rejected, by ascending row.
    pub(crate) rejections: Vec<StepRejection>,
    /// The reasons that the step gives for rows that it drops. Empty if they are not recorded.
    pub(crate) reasons: DropReasons,
}

/// A row that a step rejected.
#[derive(Debug)]
pub(crate) struct StepRejection {
    /// The row's index in the rows of the call.
    pub(crate) row: u32,
    /// The step's own error, without the context of the call.
    pub(crate) failure: Failure,
}

impl StepOutput {
    pub(crate) fn new(mut output: CheckedOutput, reasons: DropReasons, captured: &CapturedOutput) -> Self {
        let rejections = std::mem::take(&mut output.rejections);
        let attribution = if rejections.len() > 1 { Attribution::OneRowOfSeveral } else { Attribution::Call };
        let rejections = rejections.into_iter();
        let rejections = rejections.map(|rejection| StepRejection {
            row: rejection.row,
            failure: sandbox::from_rejection(rejection.error, captured, attribution),
        });
        Self { rejections: rejections.collect(), output, reasons }
    }

    /// Returns whether another call would have the same result. A transient error may not occur again.
    pub(crate) fn is_lasting(&self) -> bool {
        self.rejections.iter().all(|rejection| !rejection.failure.transient)
    }
}
