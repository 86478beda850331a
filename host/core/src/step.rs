//! One step without a pipeline.
//!
//! A component is loaded once, configured with parameters, and bound to the columns of an input; then it is called on
//! record batches. [`Engine::step`](crate::Engine::step) does all of this at once for one step. A [`StepPool`] is for
//! several steps that share instances, or for a step that is configured or bound several times.

mod apply;
mod bound;
mod builder;
mod error;
mod pool;
mod replay;
mod session;

pub use apply::{Applied, AppliedReject};
pub use bound::{BoundStep, RejectedRow, StepResult};
pub use builder::StepBuilder;
pub use error::BindError;
pub use pool::{ConfiguredStep, LoadedComponent, StepPool};
pub use replay::{Replay, ReplayError, ReplayOptions, ReplayOutcome};
pub use session::StepSession;

pub use crate::plan::ColumnMismatch;
