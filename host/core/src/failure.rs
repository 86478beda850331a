//! Failures: why a batch, a row or a run did not pass.

mod bounds;
mod cause_chain;
mod context;
mod create;
mod record;
mod redact;

pub use crate::log_level::LogLevel;
pub use crate::stack::{Frame, Location};
pub use record::{Failure, FailureKind, LimitHit, LogEntry, RowPlace};

pub(crate) use bounds::{BRIEF, ENTRY_OVERHEAD, LINES, MESSAGE_BYTES, REJECTED, TEXT_BYTES, WHOLE};
pub(crate) use context::FailureContext;
pub(crate) use create::{SHORTAGE_HINT, is_shortage};
