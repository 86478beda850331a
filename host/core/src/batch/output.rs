//! The checked result of a call: the rows that passed, and the rows that the step refused.

use super::CheckedOutput;
use crate::engine::CapturedOutput;
use crate::failure::Failure;
use crate::sandbox;

/// What a call made of its rows.
#[derive(Debug)]
pub(crate) struct StepOutput {
    /// What passed. Nothing is left in its `rejections`.
    pub(crate) output: CheckedOutput,
    /// What the step refused, by ascending row.
    pub(crate) rejections: Vec<StepRejection>,
}

/// A row that a step refused.
#[derive(Debug)]
pub(crate) struct StepRejection {
    /// The row's index in what the step was given.
    pub(crate) row: u32,
    /// Why, in the step's words, and no more than that.
    pub(crate) failure: Failure,
}

impl StepOutput {
    pub(crate) fn new(mut output: CheckedOutput, captured: &CapturedOutput) -> Self {
        let rejections = std::mem::take(&mut output.rejections).into_iter();
        let refused = refused.map(|refused| StepRejection {
            row: rejection.row,
            failure: sandbox::from_rejection(rejection.error, captured),
        });
        Self { rejections: rejections.collect(), output }
    }

    /// Whether another call would make the same. What is transient may pass at another time.
    pub(crate) fn is_lasting(&self) -> bool {
        self.rejections.iter().all(|rejection| !rejection.failure.transient)
    }
}
