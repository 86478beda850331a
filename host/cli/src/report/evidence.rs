//! Everything that reports need to know about a run.

use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use stillbox::outline::Outline;
use stillbox::{Event, Failure, Report};

use super::groups::{Effect, FailureGroups};
use super::timeline::Timeline;

/// The maximum number of warnings that are kept.
const MAX_WARNINGS: usize = 50;

/// How a run ended, for a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunVerdict {
    /// All rows were written.
    Done,
    /// Something failed.
    Failed,
    /// A signal or the time limit stopped the run, or it waits for batches of models.
    Stopped,
}

impl RunVerdict {
    /// Returns the verdict in one word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Done => "Passed",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
        }
    }
}

/// Collects what happens during a run, from its events.
pub(crate) struct Collector {
    started: SystemTime,
    state: Mutex<Collected>,
}

/// The evidence of a run.
#[derive(Default)]
struct Collected {
    run: Option<String>,
    outline: Option<Outline>,
    failures: FailureGroups,
    timeline: Timeline,
    warnings: Vec<String>,
    more_warnings: usize,
}

/// Everything about a run that has ended.
pub(crate) struct Evidence {
    pub(crate) pipeline: String,
    pub(crate) verdict: RunVerdict,
    /// The sentence after the verdict.
    pub(crate) sentence: String,
    /// The id of the run, if it started.
    pub(crate) run: Option<String>,
    pub(crate) elapsed: Duration,
    /// The graph, if the plan was made.
    pub(crate) outline: Option<Outline>,
    pub(crate) report: Report,
    pub(crate) failures: FailureGroups,
    pub(crate) timeline: Timeline,
    pub(crate) warnings: Vec<String>,
    /// Facts about the command and the machine, as names and values.
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Collector {
    pub(crate) fn new() -> Self {
        Self { started: SystemTime::now(), state: Mutex::default() }
    }

    /// Returns when the run started.
    pub(crate) fn started(&self) -> SystemTime {
        self.started
    }

    /// Notes the plan of the run.
    pub(crate) fn planned(&self, outline: &Outline) {
        self.state.lock().outline = Some(outline.clone());
    }

    /// Notes an event.
    pub(crate) fn event(&self, event: &Event<'_>) {
        match event {
            Event::Started { run, .. } => self.state.lock().run = Some((*run).to_owned()),
            Event::Warning { message, .. } => self.warning(message),
            Event::Rejected { failure, .. } => self.rejected(failure),
            Event::Progress { report, .. } => self.progress(report),
            _ => {}
        }
    }

    pub(super) fn warning(&self, message: &str) {
        let mut state = self.state.lock();
        if state.warnings.len() < MAX_WARNINGS {
            state.warnings.push(message.to_owned());
        } else {
            state.more_warnings += 1;
        }
    }

    pub(super) fn rejected(&self, failure: &Failure) {
        self.state.lock().failures.add(failure, Effect::Rejected);
    }

    pub(super) fn progress(&self, report: &Report) {
        self.state.lock().timeline.add(report.elapsed, report.rows_in);
    }

    /// Returns a text with the secrets of the pipeline covered, as far as they are known.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.state.lock().outline.as_ref().map_or_else(|| text.to_owned(), |outline| outline.redact(text))
    }

    /// Returns the evidence of the run, which has ended.
    pub(crate) fn finish(&self, pipeline: &str, end: &RunEnd<'_>) -> Evidence {
        let mut state = std::mem::take(&mut *self.state.lock());
        for failure in end.failures {
            state.failures.add(failure, Effect::Ended);
        }
        if state.more_warnings > 0 {
            state.warnings.push(format!("and {} more", state.more_warnings));
        }
        Evidence {
            pipeline: pipeline.to_owned(),
            verdict: end.verdict,
            sentence: end.sentence.clone(),
            run: state.run,
            elapsed: self.started.elapsed().unwrap_or_default(),
            outline: state.outline,
            report: end.report.clone(),
            failures: state.failures,
            timeline: state.timeline,
            warnings: state.warnings,
            environment: end.environment.clone(),
        }
    }
}

/// The end of a run.
pub(crate) struct RunEnd<'a> {
    pub(crate) verdict: RunVerdict,
    pub(crate) sentence: String,
    pub(crate) report: &'a Report,
    /// The failures that ended the run.
    pub(crate) failures: &'a [Failure],
    pub(crate) environment: Vec<(&'static str, String)>,
}
