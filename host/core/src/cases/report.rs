//! What came of the cases.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::difference::Difference;
use crate::build::BuildError;
use crate::component::ComponentError;
use crate::config::Diagnostics;
use crate::failure::{Failure, FailureKind};

/// What came of all cases.
#[derive(Debug, Default)]
pub struct TestReport {
    /// The cases that were run, by step and name.
    pub cases: Vec<CaseReport>,
    /// The steps that could not be tested at all.
    pub steps: Vec<(PathBuf, StepProblem)>,
    /// How many cases the filter left out.
    pub filtered: usize,
}

/// What came of one case.
#[derive(Debug)]
pub struct CaseReport {
    /// The step's folder, as it was given.
    pub step: Arc<str>,
    /// The name of the case: that of its folder.
    pub name: String,
    /// The folder of the case.
    pub folder: PathBuf,
    /// What is wrong; nothing if it passed.
    pub problems: Vec<Problem>,
    /// The files that `--update` wrote or removed.
    pub updated: Vec<PathBuf>,
    /// Rows in the input.
    pub rows_in: usize,
    /// Rows that came out.
    pub rows_out: usize,
    /// How long the step took for the rows in one batch.
    pub elapsed: Duration,
    /// The most bytes of memory that the step had meanwhile. None where it did not come to its end.
    pub peak_memory: Option<u64>,
}

impl CaseReport {
    /// Whether nothing is wrong.
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Why a step could not be tested.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepProblem {
    /// There is no case.
    #[error("there is no case: make the folder `{}` with an input.jsonl, and run `stillbox test --update`", .0.display())]
    NoCases(PathBuf),
    /// The folder of cases cannot be read.
    #[error("the cases cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// The step does not build.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// What was built is no step.
    #[error(transparent)]
    Component(#[from] ComponentError),
}

/// A check that is made for every case beside that of its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckName {
    /// The rows in batches of one.
    SingleRows,
    /// The rows in batches of random sizes.
    RandomBatches,
    /// The same run a second time.
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

    /// What was done otherwise, as the end of "other rows came out …".
    pub fn what(self) -> &'static str {
        match self {
            Self::SingleRows => "in batches of one row",
            Self::RandomBatches => "in batches of random sizes",
            Self::Determinism => "in a second run",
        }
    }
}

/// Something that is wrong with a case.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// A file of the case says something that cannot be, or a parameter is not the step's.
    Diagnostics(Diagnostics),
    /// A file of the case cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        message: String,
    },
    /// The rows of the case cannot be read; the words say where.
    Input(String),
    /// A line of a file of the case is wrong.
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// The step failed, and was not expected to.
    Failed(Box<Failure>),
    /// The step did not fail, and was expected to.
    NotFailed {
        /// The file that expects it.
        file: PathBuf,
        /// The kind that was expected.
        kind: FailureKind,
        /// How many rows came out.
        rows: usize,
    },
    /// The step failed otherwise than expected.
    OtherFailure {
        /// The file that expects it.
        file: PathBuf,
        /// What is different: `kind`, `message` or `row`, what was expected and what it was.
        wrong: Vec<(&'static str, String, String)>,
        /// The failure.
        failure: Box<Failure>,
    },
    /// Other rows came out than expected.
    Rows {
        /// The file that expects them.
        file: PathBuf,
        /// How they differ.
        difference: Difference,
    },
    /// Other rows were refused than expected.
    Rejects {
        /// The file that expects them; it may not be there.
        file: PathBuf,
        /// How they differ.
        difference: Difference,
        /// The refusals, with where in the step's source they were made.
        refused: Vec<Failure>,
    },
    /// Nothing is expected yet.
    NothingExpected {
        /// The folder of the case.
        folder: PathBuf,
        /// How many rows came out.
        rows: usize,
    },
    /// Something else came out when the rows came otherwise, or a second time.
    Depends {
        /// The check.
        check: CheckName,
        /// How the rows, or the refusals, differ.
        difference: Difference,
    },
    /// The step failed when the rows came otherwise, or a second time.
    DependsFailed {
        /// The check.
        check: CheckName,
        /// The failure.
        failure: Box<Failure>,
    },
}
