//! What to do when a step fails.

use std::fmt;
use std::time::Duration;

/// What to do when a batch or a row does not pass a step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum OnFailure {
    /// End the run. The default: nothing is left out unless the pipeline file says so.
    #[default]
    Stop,
    /// Write the row that is at fault to the reject file, and go on with the others. Where the failure names no row,
    /// it is found by halving the batch, each part in a fresh instance.
    Reject,
    /// Try again first, where another try may succeed.
    Retry(Retry),
}

/// How often to try again, and what to do when that does not help.
///
/// Errors that the step calls transient and timeouts are tried again; all else would only happen again, and goes
/// straight to `then`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retry {
    /// Tries after the first, at least 1.
    pub(crate) times: u32,
    /// The wait before the second try. It doubles with each further try, up to [`MAX_BACKOFF`], and is shortened at
    /// random by up to half, so that batches that failed together do not all come back together. A longer wait that
    /// the step asked for is kept.
    pub(crate) backoff: Duration,
    /// What to do in the end.
    pub(crate) then: Then,
}

/// The wait before the second try where the pipeline file does not say.
pub(crate) const DEFAULT_BACKOFF: Duration = Duration::from_millis(200);
/// The longest wait between two tries.
pub(crate) const MAX_BACKOFF: Duration = Duration::from_mins(1);
/// The most tries after the first.
pub(crate) const MAX_RETRIES: u32 = 100;

/// What to do with a failure that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Then {
    /// End the run.
    #[default]
    Stop,
    /// Write the row at fault to the reject file.
    Reject,
}

impl OnFailure {
    /// What to do with a failure that stays.
    pub(crate) fn then(&self) -> Then {
        match self {
            Self::Stop => Then::Stop,
            Self::Reject => Then::Reject,
            Self::Retry(retry) => retry.then,
        }
    }
}

/// How many rejected rows a run may have and still succeed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxRejects {
    /// So many rows.
    Rows(u64),
    /// So many of a hundred rows that were read.
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
    /// Whether so many rejected rows, of so many that were read, are too many. A share is only judged at the end of a
    /// run, when all rows have been read.
    pub(crate) fn is_exceeded(self, rejected: u64, rows: u64, at_end: bool) -> bool {
        match self {
            Self::Rows(max) => rejected > max,
            Self::Percent(max) => at_end && rejected as f64 > rows as f64 * max / 100.0,
        }
    }
}
