//! When a checkpoint is due, and what it contains.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::in_flight::InFlight;
use crate::report::{Report, StepReport};
use crate::runs::{Checkpoint, Fingerprint, ResumePoint};

/// A run that ends early without a checkpoint saves one only if it took at least this long. Running a shorter one again
/// takes no longer than this, and without a checkpoint the next run need not choose between `--resume` and `--restart`.
const MIN_RUN_TO_SAVE: Duration = Duration::from_secs(1);

/// The settings of a run that can be resumed.
pub(crate) struct CheckpointSettings {
    /// Has to be the same when the run is resumed.
    pub(crate) depends_on: Fingerprint,
    /// Time from one checkpoint to the next.
    pub(crate) every: Duration,
}

/// Knows the position up to which outputs are written, and when to save it. Lives as long as the dispatcher.
pub(super) struct CheckpointSchedule {
    settings: CheckpointSettings,
    /// All outputs before it are written.
    position: ResumePoint,
    /// Steps that were called on the reader's thread in this stage. A resumed run calls them again from the stage's start,
    /// so a checkpoint contains none of their numbers.
    repeated: BTreeSet<usize>,
    state: CheckpointState,
    /// The time of the last checkpoint, or of the start.
    last: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckpointState {
    /// Nothing was written since the last checkpoint.
    Unchanged,
    /// Outputs were written since then.
    Changed,
    /// The writer is saving a checkpoint after this number of rows.
    Saving { rows: u64 },
    /// A part of an output is missing, so no later position can be resumed.
    Closed,
}

impl CheckpointSchedule {
    pub(super) fn new(settings: CheckpointSettings, from: ResumePoint) -> Self {
        let state = CheckpointState::Unchanged;
        Self { settings, position: from, repeated: BTreeSet::new(), state, last: Instant::now() }
    }

    /// The time until a checkpoint is due. `None` if there is nothing to save.
    pub(super) fn due_in(&self) -> Option<Duration> {
        (self.state == CheckpointState::Changed).then(|| self.settings.every.saturating_sub(self.last.elapsed()))
    }

    pub(super) fn is_due(&self) -> bool {
        self.due_in().is_some_and(|time| time.is_zero())
    }

    pub(super) fn is_saving(&self) -> bool {
        matches!(self.state, CheckpointState::Saving { .. })
    }

    /// Whether a run that ends early saves a checkpoint of the outputs since the last.
    pub(super) fn is_worth_saving(&self, has_checkpoint: bool, running_for: Duration) -> bool {
        self.state == CheckpointState::Changed && (has_checkpoint || running_for >= MIN_RUN_TO_SAVE)
    }

    /// An output was written.
    pub(super) fn written(&mut self, InFlight { batch, output, .. }: &InFlight) {
        if !output.is_complete {
            self.close();
        }
        if self.state != CheckpointState::Closed {
            self.position = ResumePoint { next: batch + 1, read: output.read, ..self.position };
            self.state = CheckpointState::Changed;
        }
    }

    /// A step was called on the reader's thread.
    pub(super) fn step_called(&mut self, step: usize) {
        self.repeated.insert(step);
    }

    /// All outputs of a stage are written.
    pub(super) fn stage_ended(&mut self) {
        self.position = ResumePoint { stage: self.position.stage + 1, ..ResumePoint::default() };
        self.repeated.clear();
        if self.state != CheckpointState::Closed {
            self.state = CheckpointState::Changed;
        }
    }

    /// Outputs from here on are incomplete: no further checkpoint is saved.
    pub(super) fn close(&mut self) {
        self.state = CheckpointState::Closed;
    }

    /// The content of a checkpoint of all that is written, without the files.
    pub(super) fn checkpoint(&self, run: &str, report: &Report) -> Checkpoint {
        // `resumable` is what the checkpoint itself says when it is read.
        let mut report = Report { resumable: None, ..report.clone() };
        for step in &self.repeated {
            let step = &mut report.steps[*step];
            *step = StepReport::new(Arc::clone(&step.name));
        }
        Checkpoint::new(run, &self.settings.depends_on, self.position, report)
    }

    /// The writer was ordered to save a checkpoint after this number of rows.
    pub(super) fn saving(&mut self, rows: u64) {
        self.state = CheckpointState::Saving { rows };
    }

    /// The writer has tried to save it. Returns the number of rows in front of it. Whether it was saved or not, the next
    /// one is due after the usual time: a full disk must not be tried with every batch.
    pub(super) fn tried(&mut self) -> Option<u64> {
        self.last = Instant::now();
        let CheckpointState::Saving { rows } = self.state else { return None };
        self.state = CheckpointState::Unchanged;
        Some(rows)
    }
}
