//! Why a run did not succeed.

use std::fmt;
use std::sync::Arc;

use crate::config::Diagnostics;
use crate::failure::{Failure, FailureKind, LimitHit};
use crate::interrupt::Signal;
use crate::policy::MaxRejects;
use crate::report::Report;
use crate::runs::RunStoreError;
use crate::runtime::EngineError;
use crate::units::grouped;

/// Why a pipeline did not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The pipeline file, or something that it names, is wrong. Nothing was run.
    #[error(transparent)]
    Config(#[from] Diagnostics),
    /// A sink could not be opened. Nothing was run.
    #[error("{0}")]
    Sink(Box<Failure>),
    /// Something failed while the pipeline ran.
    #[error("{}", .0.failures.first().map_or_else(String::new, ToString::to_string))]
    Failed(Box<Failed>),
    /// More rows were rejected than the pipeline allows. The reject file is there, the outputs are as they were.
    #[error("{failure}")]
    TooManyRejects {
        /// What is allowed.
        most: MaxRejects,
        /// The same as a record: of kind `host`, with the limit `max-rejects`.
        failure: Box<Failure>,
        /// What was done until then.
        report: Box<Report>,
    },
    /// The interrupt was triggered.
    #[error("stopped by {}", signal.name())]
    Interrupted {
        /// What was asked for.
        signal: Signal,
        /// What failed before all batches had ended, in the order of the batches; mostly nothing.
        failures: Vec<Failure>,
        /// What was done until then.
        report: Box<Report>,
    },
    /// What is kept of earlier runs does not go together with what was asked for. Nothing was run.
    #[error(transparent)]
    Runs(#[from] RunStoreError),
    /// The sandbox, or its threads, cannot be set up on this machine. The record is of kind `host`.
    #[error("{0}")]
    Setup(Box<Failure>),
}

impl RunError {
    /// The same with the run's id in every record that does not have it.
    pub(super) fn with_run(mut self, id: &Arc<str>) -> Self {
        let set = |failure: &mut Failure| {
            failure.run.get_or_insert_with(|| Arc::clone(id));
        };
        match &mut self {
            Self::Config(diagnostics) => {
                diagnostics.list.iter_mut().filter_map(|diagnostic| diagnostic.failure.as_deref_mut()).for_each(set);
            }
            Self::Sink(failure) | Self::Setup(failure) | Self::TooManyRejects { failure, .. } => set(failure),
            Self::Failed(failed) => failed.failures.iter_mut().for_each(set),
            Self::Interrupted { failures, .. } => failures.iter_mut().for_each(set),
            Self::Runs(_) => {}
        }
        self
    }

    /// The records of what went wrong: where a step, an input or an output is at fault. None where the pipeline file is wrong
    /// in itself, or the run was stopped.
    pub fn failures(&self) -> Vec<Failure> {
        match self {
            Self::Config(diagnostics) => {
                diagnostics.list.iter().filter_map(|diagnostic| diagnostic.failure.as_deref().cloned()).collect()
            }
            Self::Sink(failure) | Self::Setup(failure) | Self::TooManyRejects { failure, .. } => {
                vec![(**failure).clone()]
            }
            Self::Failed(failed) => failed.failures.clone(),
            Self::Runs(_) => vec![Failure::host(self)],
            Self::Interrupted { failures, .. } => failures.clone(),
        }
    }
}

/// What failed, and what was done until then.
#[derive(Debug)]
pub struct Failed {
    /// The failures in the order of their batches, at least one.
    pub failures: Vec<Failure>,
    /// The numbers up to the failure.
    pub report: Report,
}

/// The error of a run that ended before its first batch.
pub(super) fn failed(failure: Failure) -> RunError {
    RunError::Failed(Box::new(Failed { failures: vec![failure], report: Report::default() }))
}

impl From<EngineError> for RunError {
    fn from(error: EngineError) -> Self {
        Self::Setup(Box::new(Failure::host(&error)))
    }
}

/// The error of a run for which the system has no thread, or no time.
pub(super) fn not_set_up(problem: &dyn fmt::Display) -> RunError {
    RunError::Setup(Box::new(Failure::new(FailureKind::Host, format!("the sandbox cannot be set up: {problem}"))))
}

pub(super) fn too_many_rejects(most: MaxRejects, report: Report) -> RunError {
    let message = format!("{} rows were rejected, and `max-rejects` is {most}", grouped(report.rejected()));
    let mut failure = Box::new(Failure::new(FailureKind::Host, message));
    failure.limit = Some(LimitHit { name: "max-rejects".into(), value: most.to_string() });
    RunError::TooManyRejects { most, failure, report: Box::new(report) }
}
