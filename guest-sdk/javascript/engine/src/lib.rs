//! JavaScript in a step: how values are printed, what was thrown, promises and timers.
//!
//! Everything here is written for hostile code: printing a value or an error calls none of the code's functions, so that a
//! getter, a proxy or a changed prototype cannot run, throw or hang there.

mod events;
mod inspect;
mod thrown;

pub use events::{Hooks, Timers, run_events};
pub use inspect::{format_arguments, inspect};
pub use thrown::{Thrown, syntax_position};
