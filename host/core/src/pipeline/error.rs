//! Why a run did not succeed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Diagnostics;
use crate::failure::{Failure, FailureKind, LimitHit, SHORTAGE_HINT, is_shortage};
use crate::interrupt::CancelReason;
use crate::model::WaitingBatch;
use crate::policy::MaxRejects;
use crate::report::Report;
use crate::runs::RunStoreError;
use crate::runtime::EngineError;
use crate::units::{counted, format_duration, grouped};

/// Why a run did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The pipeline file, or something that it names, is wrong. Nothing was run.
    #[error(transparent)]
    Config(#[from] Diagnostics),
    /// A sink could not be opened. Nothing was run.
    #[error(transparent)]
    Sink(Box<Failure>),
    /// Something failed while the pipeline ran. Message and causes are those of the first failure.
    #[error(transparent)]
    Failed(Box<Failed>),
    /// More rows were rejected than the pipeline allows. The reject file is complete, the outputs are unchanged.
    #[error("{failure}")]
    #[non_exhaustive]
    TooManyRejects {
        /// The maximum.
        max: MaxRejects,
        /// The same as a record: of kind `host`, with the limit `max-rejects`.
        failure: Box<Failure>,
        /// The numbers until then.
        report: Box<Report>,
    },
    /// The source has ended, and fewer rows were accepted than `until` wants. The outputs are unchanged. If the run can be resumed, the
    /// report says so.
    #[error("{failure}")]
    #[non_exhaustive]
    TooFewRows {
        /// The same as a record: of kind `host`, with the limit `until`.
        failure: Box<Failure>,
        /// The numbers until then.
        report: Box<Report>,
    },
    /// Models answer requests of the run in batches, and not all of them have ended. Run the pipeline again later, resumed.
    #[error("the run waits for {}", counted(batches.len() as u64, "batch", "batches"))]
    #[non_exhaustive]
    Waiting {
        /// The batches.
        batches: Vec<WaitingBatch>,
        /// The numbers until then.
        report: Box<Report>,
    },
    /// The run was cancelled.
    #[error("{reason}")]
    #[non_exhaustive]
    Interrupted {
        /// The signal, or a cancel by the program.
        reason: CancelReason,
        /// Failures of batches that ended within the grace period, in the order of the batches; mostly none.
        failures: Vec<Failure>,
        /// The numbers until then.
        report: Box<Report>,
    },
    /// The time limit of the run has passed. If the run can be resumed, the report says so.
    #[error("{failure}")]
    #[non_exhaustive]
    TimeLimit {
        /// The limit.
        limit: Duration,
        /// The same as a record: of kind `host`, with the limit `time`.
        failure: Box<Failure>,
        /// The numbers until then.
        report: Box<Report>,
    },
    /// An earlier run is unfinished, is still running, or cannot be resumed. Nothing was run.
    #[error(transparent)]
    Runs(#[from] RunStoreError),
    /// The sandbox, or its threads, cannot be set up on this machine. The record is of kind `host`.
    #[error(transparent)]
    Setup(Box<Failure>),
}

impl RunError {
    /// Adds the run's id to every record that does not have one.
    pub(super) fn with_run(mut self, id: &Arc<str>) -> Self {
        let set = |failure: &mut Failure| {
            failure.run.get_or_insert_with(|| Arc::clone(id));
        };
        match &mut self {
            Self::Config(diagnostics) => {
                diagnostics.list.iter_mut().filter_map(|diagnostic| diagnostic.failure.as_deref_mut()).for_each(set);
            }
            Self::Sink(failure)
            | Self::Setup(failure)
            | Self::TooManyRejects { failure, .. }
            | Self::TooFewRows { failure, .. }
            | Self::TimeLimit { failure, .. } => set(failure),
            Self::Failed(failed) => failed.failures.iter_mut().for_each(set),
            Self::Interrupted { failures, .. } => failures.iter_mut().for_each(set),
            Self::Runs(_) | Self::Waiting { .. } => {}
        }
        self
    }

    /// Returns a cancel by the time limit of the run as the failure that it is.
    pub(super) fn with_time_limit(self) -> Self {
        let Self::Interrupted { reason: CancelReason::TimeLimit(limit), report, .. } = self else { return self };
        let value = format_duration(limit);
        let message = format!("the run did not finish within its time limit of {value}");
        let mut failure = Box::new(Failure::new(FailureKind::Host, message));
        failure.limit = Some(LimitHit { name: "time".into(), value });
        failure.hint = Some("raise `time` of [pipeline], or `--time`".into());
        Self::TimeLimit { limit, failure, report }
    }

    /// Returns the numbers of the run until its end, if it has started.
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Failed(failed) => Some(&failed.report),
            Self::TooManyRejects { report, .. }
            | Self::TooFewRows { report, .. }
            | Self::TimeLimit { report, .. }
            | Self::Waiting { report, .. }
            | Self::Interrupted { report, .. } => Some(report),
            Self::Config(_) | Self::Sink(_) | Self::Setup(_) | Self::Runs(_) => None,
        }
    }

    /// Returns the records of the step, the input or the output that failed. Empty if the pipeline file itself is
    /// wrong, or the run was stopped.
    pub fn failures(&self) -> Vec<Failure> {
        match self {
            Self::Config(diagnostics) => {
                diagnostics.list.iter().filter_map(|diagnostic| diagnostic.failure.as_deref().cloned()).collect()
            }
            Self::Sink(failure)
            | Self::Setup(failure)
            | Self::TooManyRejects { failure, .. }
            | Self::TooFewRows { failure, .. }
            | Self::TimeLimit { failure, .. } => vec![(**failure).clone()],
            Self::Failed(failed) => failed.failures.clone(),
            Self::Runs(_) => vec![Failure::host(self)],
            Self::Interrupted { failures, .. } => failures.clone(),
            Self::Waiting { .. } => Vec::new(),
        }
    }
}

/// The failures of a run, and its numbers until then.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failed {
    /// The failures in the order of their batches, at least one.
    pub failures: Vec<Failure>,
    /// The numbers until the failure.
    pub report: Report,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failures.first().map_or(Ok(()), |failure| failure.fmt(f))
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failures.first()?.source()
    }
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

/// Creates the error of a run for which the system has no thread, or no time.
pub(super) fn not_set_up(problem: &dyn fmt::Display) -> RunError {
    let mut failure = Failure::new(FailureKind::Host, "the sandbox cannot be set up");
    let problem = problem.to_string();
    if is_shortage(&problem) {
        failure = failure.with_hint(SHORTAGE_HINT);
    }
    failure.causes.push(problem);
    RunError::Setup(Box::new(failure))
}

pub(super) fn too_many_rejects(max: MaxRejects, report: Report) -> RunError {
    let rejected = counted(report.rejected(), "row was", "rows were");
    let message = format!("{rejected} rejected, and `max-rejects` is {max}");
    let mut failure = Box::new(Failure::new(FailureKind::Host, message));
    failure.limit = Some(LimitHit { name: "max-rejects".into(), value: max.to_string() });
    RunError::TooManyRejects { max, failure, report: Box::new(report) }
}

pub(super) fn too_few_rows(report: Report) -> RunError {
    let (accepted, wanted) = report.until.as_ref().map_or((0, 0), |until| (until.accepted, until.rows));
    let rows = counted(report.rows_in, "row", "rows");
    let of_all = format!("{} of {}", grouped(accepted), counted(wanted, "row was", "rows were"));
    let message = format!("only {of_all} accepted, out of {rows} of the source");
    let mut failure = Box::new(Failure::new(FailureKind::Host, message));
    failure.limit = Some(LimitHit { name: "until".into(), value: grouped(wanted) });
    failure.hint = Some("lower `rows` of `until`, raise its `at-most`, or let the source make more rows".into());
    RunError::TooFewRows { failure, report: Box::new(report) }
}
