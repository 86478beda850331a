//! The results of cases.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use stillbox::build::BuildError;
use stillbox::component::ComponentError;
use stillbox::config::Diagnostics;
use stillbox::{Failure, FailureKind};

use super::difference::Difference;

/// The results of all cases.
#[derive(Debug, Default)]
pub struct TestReport {
    /// The cases that ran, by step and name.
    pub cases: Vec<CaseReport>,
    /// The steps that could not be tested.
    pub steps: Vec<(PathBuf, StepProblem)>,
    /// The number of cases that the filter excluded.
    pub filtered: usize,
    /// The number of cases in other parts.
    pub in_other_shards: usize,
    /// The number of cases that did not run, because another one had failed.
    pub not_run: usize,
}

/// The result of one case.
#[derive(Debug)]
pub struct CaseReport {
    /// The step's folder, as given, or its own name if it was given as `.` or the like.
    pub step: Arc<str>,
    /// The name of the case: that of its folder.
    pub name: String,
    /// The folder of the case.
    pub folder: PathBuf,
    /// The problems; empty if the case passed.
    pub problems: Vec<Problem>,
    /// The problems of each attempt before the last one; empty if there was one attempt.
    pub earlier_attempts: Vec<Vec<Problem>>,
    /// The files that `--update` wrote or removed.
    pub updated: Vec<PathBuf>,
    /// The checks that were not made, because the step sent requests whose responses are not recorded.
    pub unchecked: Vec<CheckName>,
    /// The number of input rows.
    pub rows_in: usize,
    /// The number of output rows.
    pub rows_out: usize,
    /// The time that the step took for all rows in one batch.
    pub elapsed: Duration,
    /// The peak memory of the step in bytes. `None` if the step failed.
    pub peak_memory: Option<u64>,
}

impl CaseReport {
    /// Returns whether the case has no problems.
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }

    /// Returns whether the case passed after an attempt that failed.
    pub fn is_flaky(&self) -> bool {
        self.passed() && !self.earlier_attempts.is_empty()
    }
}

/// The reason why a step could not be tested.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepProblem {
    /// The step has no cases.
    #[error("the step has no cases: create the folder `{}` with an input.jsonl, and run `stillbox test --update`", .0.display())]
    NoCases(PathBuf),
    /// The folder of cases cannot be read.
    #[error("cannot read the cases")]
    Unreadable(#[source] std::io::Error),
    /// The step could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The lock has no entry for the component.
    #[error("the lock has no entry for `{}`", .0.display())]
    NotLocked(PathBuf),
    /// The component differs from its entry in the lock.
    #[error("`{}` differs from the lock: it {}", .path.display(), .differences.join("; it "))]
    Differs {
        /// The component, or the folder that it was built from.
        path: PathBuf,
        /// The differences, each to complete a sentence about the component.
        differences: Vec<String>,
    },
    /// The component is not a step.
    #[error(transparent)]
    Component(#[from] ComponentError),
}

/// A check of every case in addition to its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckName {
    /// The rows in batches of one row.
    SingleRows,
    /// The rows in batches of random sizes.
    RandomBatches,
    /// The same batches again.
    Determinism,
}

impl CheckName {
    /// The name in `case.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SingleRows => "single-rows",
            Self::RandomBatches => "random-batches",
            Self::Determinism => "determinism",
        }
    }

    /// Describes the run of the check, to complete a sentence: "other rows in batches of one row".
    pub fn description(self) -> &'static str {
        match self {
            Self::SingleRows => "in batches of one row",
            Self::RandomBatches => "in batches of random sizes",
            Self::Determinism => "in a second run",
        }
    }
}

/// A problem of a case.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// A file of the case is invalid, or the step rejects a parameter.
    Diagnostics(Diagnostics),
    /// A file of the case cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The cause.
        message: String,
    },
    /// The input rows cannot be read; the message contains the place.
    Input(String),
    /// A line of a file of the case is invalid.
    Line {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The problem.
        message: String,
    },
    /// The step failed unexpectedly.
    Failed(Box<Failure>),
    /// The step did not fail as expected.
    NotFailed {
        /// The file with the expected failure.
        file: PathBuf,
        /// The expected kind.
        kind: FailureKind,
        /// The number of output rows.
        rows: usize,
    },
    /// The step failed in another way than expected.
    OtherFailure {
        /// The file with the expected failure.
        file: PathBuf,
        /// The differences: `kind`, `message` or `row`, the expected and the actual value.
        wrong: Vec<(&'static str, String, String)>,
        /// The failure.
        failure: Box<Failure>,
    },
    /// The output rows differ from the expected ones.
    Rows {
        /// The file with the expected rows.
        file: PathBuf,
        /// The differences.
        difference: Difference,
    },
    /// The rejected rows differ from the expected ones.
    Rejects {
        /// The file with the expected rows; it need not exist.
        file: PathBuf,
        /// The differences.
        difference: Difference,
        /// The rejections, with their locations in the step's source.
        rejected: Vec<Failure>,
    },
    /// The case has no expected result yet.
    NothingExpected {
        /// The folder of the case.
        folder: PathBuf,
        /// The number of output rows.
        rows: usize,
    },
    /// The output of another run differs: with other batches, or a second time.
    Depends {
        /// The check.
        check: CheckName,
        /// The differences of the rows or the rejections.
        difference: Difference,
    },
    /// Another run failed: with other batches, or a second time.
    DependsFailed {
        /// The check.
        check: CheckName,
        /// The failure.
        failure: Box<Failure>,
    },
}
