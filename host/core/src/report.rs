//! The report of a run: its counts and times.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::failure::RowPlace;
use crate::model::ModelUsage;
use crate::units::{is_zero, seconds};

/// The counts and times of a run. A checkpoint stores them in this form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// Rows read from the sources, or created by steps of kind source.
    pub rows_in: u64,
    /// Rows of sources that could not be read and were rejected. They count as rows in.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bad_rows: u64,
    /// Number of batches of these rows.
    pub batches: u64,
    /// Duration of the run in seconds, without planning.
    #[serde(with = "seconds")]
    pub elapsed: Duration,
    /// Whether the reader of standard output closed it, which ends the run before the end of its input.
    pub output_closed: bool,
    /// All steps, in the order in which rows pass them.
    pub steps: Vec<StepReport>,
    /// All sinks, in the order of the pipeline file.
    pub sinks: Vec<SinkReport>,
    /// All models, in the order of the pipeline file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelUsage>,
    /// The rows that `until` counts, in a pipeline that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UntilReport>,
    /// The checkpoint to resume from, if the run did not finish and saved one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumable: Option<Resumable>,
}

/// The rows of a pipeline with `until`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UntilReport {
    /// The number of accepted rows with which the run is complete.
    pub rows: u64,
    /// Rows that were accepted and written.
    pub accepted: u64,
    /// Rows that steps passed to the sink and that were not written: they do not fulfil the condition, or came after the last row that
    /// was wanted.
    pub left_out: u64,
}

impl UntilReport {
    /// Creates the counts of a run that has accepted no row.
    pub fn new(rows: u64) -> Self {
        Self { rows, accepted: 0, left_out: 0 }
    }
}

/// The checkpoint that a run can be resumed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resumable {
    /// The run's id.
    pub run: Arc<str>,
    /// Rows that a resumed run does not read again.
    pub rows: u64,
}

impl Report {
    /// Returns the number of rows that sources and steps rejected.
    pub fn rejected(&self) -> u64 {
        self.bad_rows + self.steps.iter().map(|step| step.rejected).sum::<u64>()
    }
}

/// The counts of one step. For a transform, rows in are the sum of rows that passed, rejected rows and dropped rows; an
/// expansion creates several rows out for one that passed. A step of kind source has no rows in. An aggregate creates
/// any number of rows from all rows together, so its counts have no such relation, and none of its rows counts as
/// dropped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepReport {
    /// The step's name.
    pub name: Arc<str>,
    /// Rows in.
    pub rows_in: u64,
    /// Rows out.
    pub rows_out: u64,
    /// Rows in that are not in the output, because the step left them out.
    pub dropped: u64,
    /// The reasons that the step gives for dropped rows, in the order of their first rows. Empty without `[dropped]` in the
    /// pipeline file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop_reasons: Vec<DropReason>,
    /// Rows that the step rejected.
    pub rejected: u64,
    /// Instances created.
    pub instances: u64,
    /// Calls that were not made, because their output was in the cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached: u64,
    /// Time spent in the step in seconds, summed over all threads.
    #[serde(with = "seconds")]
    pub busy: Duration,
    /// The longest time in seconds that the step took for one batch; for a source or an aggregate, for one call.
    #[serde(with = "seconds", default)]
    pub longest: Duration,
    /// The largest linear memory of an instance, in bytes. 0 if all outputs came from the cache.
    #[serde(default)]
    pub peak_memory: u64,
}

/// A reason for dropped rows: all that differ in numbers and quoted texts only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DropReason {
    /// The reason, with `#` in place of numbers and without quoted texts, or [`OTHER_REASONS`].
    pub reason: String,
    /// Dropped rows.
    pub rows: u64,
    /// The first rows, at most [`DROP_EXAMPLES`].
    pub examples: Vec<DropExample>,
}

/// A dropped row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DropExample {
    /// The reason, as the step has given it.
    pub reason: String,
    /// The place of the row in the input.
    pub row: RowPlace,
}

/// The number of reasons of a step that are counted by themselves. The reasons of a hostile step may all differ.
pub const MAX_DROP_REASONS: usize = 64;
/// The number of rows of which a reason has the places.
pub const DROP_EXAMPLES: usize = 3;
/// The name of all reasons after the first [`MAX_DROP_REASONS`].
pub const OTHER_REASONS: &str = "other reasons";

/// The counts of one sink.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SinkReport {
    /// The sink's name.
    pub name: Arc<str>,
    /// Rows written.
    pub rows: u64,
    /// Whether the sink is standard output.
    // Not serialized: a run that writes to standard output has no checkpoint.
    #[serde(skip)]
    pub is_stdout: bool,
}

impl SinkReport {
    /// Creates the report of a sink to which nothing was written.
    pub fn new(name: Arc<str>, is_stdout: bool) -> Self {
        Self { name, rows: 0, is_stdout }
    }
}

impl StepReport {
    /// Creates the report of a step that was not called.
    pub fn new(name: Arc<str>) -> Self {
        Self {
            name,
            rows_in: 0,
            rows_out: 0,
            dropped: 0,
            drop_reasons: Vec::new(),
            rejected: 0,
            instances: 0,
            cached: 0,
            busy: Duration::ZERO,
            longest: Duration::ZERO,
            peak_memory: 0,
        }
    }

    /// Sets the time that the step took for a batch or a call.
    pub(crate) fn took(&mut self, time: Duration) {
        self.busy = time;
        self.longest = time;
    }

    /// Notes the linear memory of an instance.
    pub(crate) fn note_memory(&mut self, bytes: u64) {
        self.peak_memory = self.peak_memory.max(bytes);
    }

    /// Counts a dropped row by its reason.
    pub(crate) fn note_drop(&mut self, pattern: &str, reason: &str, place: impl FnOnce() -> RowPlace) {
        let counted = self.reason(pattern);
        counted.rows += 1;
        if counted.examples.len() < DROP_EXAMPLES {
            counted.examples.push(DropExample { reason: reason.to_owned(), row: place() });
        }
    }

    /// Returns the counts of a reason, or those of all others if there are too many.
    fn reason(&mut self, pattern: &str) -> &mut DropReason {
        let reasons = &mut self.drop_reasons;
        let is_full = reasons.len() >= MAX_DROP_REASONS;
        let found = reasons.iter().position(|reason| reason.reason == pattern);
        let found = found.or_else(|| is_full.then(|| reasons.iter().position(is_other)).flatten());
        let index = found.unwrap_or(reasons.len());
        if found.is_none() {
            let reason = if is_full { OTHER_REASONS } else { pattern }.to_owned();
            reasons.push(DropReason { reason, rows: 0, examples: Vec::new() });
        }
        &mut reasons[index]
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.rows_in += other.rows_in;
        self.rows_out += other.rows_out;
        self.dropped += other.dropped;
        for more in &other.drop_reasons {
            self.reason(&more.reason).add(more);
        }
        self.rejected += other.rejected;
        self.instances += other.instances;
        self.cached += other.cached;
        self.busy += other.busy;
        self.longest = self.longest.max(other.longest);
        self.peak_memory = self.peak_memory.max(other.peak_memory);
    }
}

impl DropReason {
    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        let room = DROP_EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.iter().take(room).cloned());
    }
}

fn is_other(reason: &DropReason) -> bool {
    reason.reason == OTHER_REASONS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_up_to_a_number_and_then_together() {
        let place = || RowPlace { index: 0, file: None, line: None, row: None };
        let mut all = StepReport::new("a".into());
        for batch in 0..3 {
            let mut report = StepReport::new("a".into());
            for number in 0..100 {
                report.note_drop(&format!("reason {}", number + batch), "it", place);
            }
            all.add(&report);
        }
        assert_eq!(all.drop_reasons.len(), MAX_DROP_REASONS + 1);
        assert_eq!(all.drop_reasons[2].rows, 3);
        assert_eq!(all.drop_reasons[MAX_DROP_REASONS].reason, OTHER_REASONS);
        assert_eq!(all.drop_reasons.iter().map(|reason| reason.rows).sum::<u64>(), 300);
        assert!(all.drop_reasons.iter().all(|reason| reason.examples.len() <= DROP_EXAMPLES));
    }
}
