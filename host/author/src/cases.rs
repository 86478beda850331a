//! Test cases of steps: input rows and expected output, in files next to the step's sources.
//!
//! ```text
//! count-words/cases/two-rows/
//!   input.jsonl              the input rows; not for a source
//!   parameters.toml          the parameters, if any
//!   expected.jsonl           the output rows, with all columns
//!   expected-rejects.jsonl   the rejected rows: {"row": 2, "message": "…"}, rows counted from 1
//!   expected-failure.toml    instead of these two: kind = "panic", message = "a regular expression", row = 2
//!   case.toml                limits, column types, and disabled checks
//! ```
//!
//! Each case runs in the sandbox, as in a pipeline. A case with output rows runs again, with the same and with other batches,
//! and must produce the same rows each time.

mod answers;
mod batches;
mod bundled;
mod case;
mod case_row;
mod compare;
mod difference;
mod expected;
mod input;
mod judge;
mod recorded;
mod report;
mod run;
mod shard;
mod subject;
mod suite;
mod update;

pub use bundled::{WriteCaseError, WrittenCase, write_case};
pub use difference::{Difference, RowDifference};
pub use report::{CaseReport, CheckName, Problem, StepProblem, TestReport};
pub use shard::Shard;
pub use suite::{OutputListener, Suite, TestError, TestOptions};
