//! Failure policies.

use std::fmt;
use std::time::Duration;

/// The policy for batches and rows that fail in a step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum OnFailure {
    /// Stop the run. The default, so that no row is skipped unless the pipeline file says so.
    #[default]
    Stop,
    /// Write the row that failed to the reject file and continue with the others. If the failure names no row, it is found
    /// by bisecting the batch, with a new instance for each part.
    Reject,
    /// Retry the batch first if the failure may be temporary.
    Retry(Retry),
}

/// The number of retries, and the action if all of them fail.
///
/// Only transient errors and timeouts are retried. Any other failure would occur again, so it goes straight to `then`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retry {
    /// The maximum number of retries, at least 1.
    pub(crate) times: u32,
    /// The wait before the first retry. It doubles with each retry, up to [`MAX_BACKOFF`], and is shortened at random by up
    /// to half, so that batches that failed together are not retried together. If the step asks for a longer wait, that one
    /// applies.
    pub(crate) backoff: Duration,
    /// The action after the last retry.
    pub(crate) then: Then,
}

/// The default wait before the first retry.
pub(crate) const DEFAULT_BACKOFF: Duration = Duration::from_millis(200);
/// The longest wait before a retry, unless the step asks for more.
pub(crate) const MAX_BACKOFF: Duration = Duration::from_mins(1);
/// The maximum value of `retry`.
pub(crate) const MAX_RETRIES: u32 = 100;

/// The action for a failure that is not retried, or persists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Then {
    /// Stop the run.
    #[default]
    Stop,
    /// Write the row that failed to the reject file.
    Reject,
}

impl OnFailure {
    /// The action for a failure that is not retried, or persists.
    pub(crate) fn then(&self) -> Then {
        match self {
            Self::Stop => Then::Stop,
            Self::Reject => Then::Reject,
            Self::Retry(retry) => retry.then,
        }
    }
}

/// The maximum number of rejected rows in a run that succeeds.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum MaxRejects {
    /// A number of rows.
    Rows(u64),
    /// A percentage of the rows read, from 0 to 100.
    Percent(f64),
}

impl fmt::Display for MaxRejects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(f, "{rows}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl MaxRejects {
    /// Whether `rejected` of `rows` rows are too many. A percentage is checked only at the end of a run, when all rows have
    /// been read.
    pub(crate) fn is_exceeded(self, rejected: u64, rows: u64, at_end: bool) -> bool {
        match self {
            Self::Rows(max) => rejected > max,
            Self::Percent(max) => at_end && rejected as f64 > rows as f64 * max / 100.0,
        }
    }
}
