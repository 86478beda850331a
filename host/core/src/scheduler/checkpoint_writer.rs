//! What is written, for a run that can go on: the writer's own account, which is never ahead of the files.

use std::time::{Duration, Instant};

use crate::report::Report;
use crate::runs::{Checkpoint, Fingerprint, ResumePoint, RunFolder, RunRecord};
use crate::stage::TaskOutput;

/// How long a run has to have taken before its end for what it has done to be kept, if it has no checkpoint yet. Whoever
/// has to begin a shorter one anew waits no longer than that, and is not asked what to do with what is kept of it.
const WORTH_KEEPING: Duration = Duration::from_secs(1);

/// What a run that can go on needs to write checkpoints.
pub(crate) struct Keeping {
    pub(crate) folder: RunFolder,
    /// What lists are to show of it.
    pub(crate) record: RunRecord,
    /// What has to be the same when it goes on.
    pub(crate) depends_on: Fingerprint,
    /// How long after a checkpoint the next one is due.
    pub(crate) every: Duration,
    /// Where the run begins, and what was done before.
    pub(crate) from: ResumePoint,
    pub(crate) before: Report,
    /// Whether there is a checkpoint from an earlier process.
    pub(crate) has_checkpoint: bool,
}

/// Counts what is written, and knows when a checkpoint is due.
pub(super) struct CheckpointWriter {
    keeping: Keeping,
    position: ResumePoint,
    /// What was done up to there.
    report: Report,
    started: Instant,
    last: Instant,
    /// Whether anything was written since the last checkpoint.
    changed: bool,
    /// Whether there are no more checkpoints.
    is_closed: bool,
}

impl CheckpointWriter {
    pub(super) fn new(keeping: Keeping) -> Self {
        let (position, report, now) = (keeping.from, keeping.before.clone(), Instant::now());
        Self { keeping, position, report, started: now, last: now, changed: false, is_closed: false }
    }

    /// How long it is until a checkpoint is due; none if there is nothing to save.
    pub(super) fn due_in(&self) -> Option<Duration> {
        (self.changed && !self.is_closed).then(|| self.keeping.every.saturating_sub(self.last.elapsed()))
    }

    pub(super) fn is_due(&self) -> bool {
        self.due_in().is_some_and(|time| time.is_zero())
    }

    /// Whether a run that ends here should have a checkpoint of what was written since the last.
    pub(super) fn is_worth_keeping(&self) -> bool {
        let is_long = self.started.elapsed() >= WORTH_KEEPING;
        self.due_in().is_some() && (self.keeping.has_checkpoint || is_long)
    }

    /// What was made of a portion is written; the next has this number. Without one something is missing, so nothing that
    /// is written from now on is of use to a run that goes on.
    pub(super) fn written(&mut self, outcome: &TaskOutput, next: Option<u64>) {
        self.is_closed |= next.is_none();
        let Some(next) = next.filter(|_| !self.is_closed) else { return };
        outcome.count(&mut self.report);
        self.position = ResumePoint { next, read: outcome.read, ..self.position };
        self.changed = true;
    }

    /// All of a stage is written, and these are the numbers of the run. Those of steps that work on the reader's thread
    /// count from here on only: a run that goes on repeats what they do in the stage that it was in.
    pub(super) fn stage_ended(&mut self, report: Report) {
        self.report = report;
        self.position = ResumePoint { stage: self.position.stage + 1, ..ResumePoint::default() };
        self.changed = true;
    }

    /// Rows that a run that goes on here does not read again.
    pub(super) fn rows(&self) -> u64 {
        self.report.rows_in
    }

    pub(super) fn has_checkpoint(&self) -> bool {
        self.keeping.has_checkpoint
    }

    /// A checkpoint of what is written, but for the files.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        let elapsed = self.keeping.before.elapsed + self.started.elapsed();
        // Where the run could go on is what this says by itself.
        let report = Report { elapsed, resumable: None, ..self.report.clone() };
        Checkpoint::new(&self.keeping.record.run, &self.keeping.depends_on, self.position, report)
    }

    /// Writes it. The one before it holds until then.
    pub(super) fn save(&mut self, checkpoint: &Checkpoint) -> std::io::Result<()> {
        // One that fails is not tried again with every batch.
        self.last = Instant::now();
        self.changed = false;
        if !self.keeping.has_checkpoint {
            self.keeping.folder.sync(&self.keeping.record)?;
        }
        self.keeping.folder.save(checkpoint)?;
        self.keeping.has_checkpoint = true;
        // It may have taken a while.
        self.last = Instant::now();
        Ok(())
    }
}
