//! The numbers of a run.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a run did, in numbers. A checkpoint has them as they are here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Rows read from the sources, and made by steps of kind source.
    pub rows_in: u64,
    /// Batches of them.
    pub batches: u64,
    /// How long the run took, planning not included, in seconds.
    #[serde(with = "seconds")]
    pub elapsed: Duration,
    /// Whether whoever read the standard output closed it, so that the run ended before its input did.
    pub output_closed: bool,
    /// Every step, in the order in which rows pass them.
    pub steps: Vec<StepReport>,
    /// Every sink, in the order of the pipeline file.
    pub sinks: Vec<SinkReport>,
    /// Where the run could go on, if it has kept what that needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumable: Option<Resumable>,
}

/// Where a run could go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumable {
    /// The run's id.
    pub run: Arc<str>,
    /// Rows that it would not read again.
    pub rows: u64,
}

impl Report {
    /// Rows that any step rejected.
    pub fn rejected(&self) -> u64 {
        self.steps.iter().map(|step| step.rejected).sum()
    }
}

/// What one step did. Rows in are rows passed, rejected and dropped; an expansion makes several rows of one that
/// passed. A step of kind source takes no rows in. An aggregate makes what it likes of all rows together, so nothing holds
/// between its numbers, and none of its rows counts as dropped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// The step's name.
    pub name: Arc<str>,
    /// Rows that came in.
    pub rows_in: u64,
    /// Rows that went out.
    pub rows_out: u64,
    /// Rows that came in and are in no output, because the step left them out.
    pub dropped: u64,
    /// Rows that the step refused.
    pub rejected: u64,
    /// Instances that were made.
    pub instances: u64,
    /// Calls whose output was kept from an earlier run, so that they were not made.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached: u64,
    /// How long the step was at work, summed over all threads, in seconds.
    #[serde(with = "seconds")]
    pub busy: Duration,
}

/// What one sink wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SinkReport {
    /// The sink's name.
    pub name: Arc<str>,
    /// Rows written.
    pub rows: u64,
    /// Whether it is the standard output.
    // A run that writes to it has no checkpoint that this could be read from.
    #[serde(skip)]
    pub is_stdout: bool,
}

impl StepReport {
    pub(crate) fn new(name: Arc<str>) -> Self {
        Self { name, rows_in: 0, rows_out: 0, dropped: 0, rejected: 0, instances: 0, cached: 0, busy: Duration::ZERO }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.rows_in += other.rows_in;
        self.rows_out += other.rows_out;
        self.dropped += other.dropped;
        self.rejected += other.rejected;
        self.instances += other.instances;
        self.cached += other.cached;
        self.busy += other.busy;
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "that is how serde calls it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Durations as numbers of seconds.
mod seconds {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
