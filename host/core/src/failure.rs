//! Failures: why a batch, a row or a run did not pass.

mod bounds;
mod record;
mod trap;

pub use record::{Failure, FailureKind, Frame, LimitHit, Location, LogEntry, LogLevel, RowPlace};

pub(crate) use bounds::{MESSAGE_BYTES, REJECTED, TEXT_BYTES};
pub(crate) use trap::{of_call, of_limit, of_rejection, of_step, of_stop};
