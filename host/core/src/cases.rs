//! Cases: what a step is to make of some rows, as data beside its sources.
//!
//! ```text
//! count-words/cases/two-rows/
//!   input.jsonl              the rows; a source has none
//!   parameters.toml          the parameters, if there are any
//!   expected.jsonl           the rows that come out, all columns
//!   expected-rejects.jsonl   the rows that are refused: {"row": 2, "message": "…"}, rows counted from 1
//!   expected-failure.toml    instead of the two: kind = "panic", message = "a regular expression", row = 2
//!   case.toml                limits, column types, and checks to be left out
//! ```
//!
//! Each case runs in the sandbox, as in a pipeline. A case that makes rows is run again, and with other batches, and has
//! to make the same rows each time.

mod batches;
mod case;
mod difference;
mod expected;
mod input;
mod judge;
mod report;
mod run;
mod subject;
mod suite;
mod update;

pub use difference::{Difference, RowDifference};
pub use report::{CaseReport, CheckName, Problem, StepProblem, TestReport};
pub use suite::{Suite, TestError, TestOptions};
