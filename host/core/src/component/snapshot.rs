//! Snapshots: the component again, with the memory that an instance has after `bind`. Instances of it start where `bind` ends.
//!
//! A snapshot is made in a process of the compiler (`make.rs`) and is an entry in the cache of compiled components, whose note has
//! what the instance left outside of its memory. Its key has everything that `bind` depends on. A step whose `bind` calls the host
//! for anything but its log has none, because the answer may differ, and a handle would lead nowhere. The note of an entry
//! without code says so, and later runs do not try again.

mod code_moves;
mod make;
mod reader;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::failure::LogEntry;

pub(super) use code_moves::CodeMoves;
pub(super) use make::{answer, encode, input, make, parse};

/// Everything that the state of an instance after `bind` depends on, apart from the component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotRequest {
    pub(crate) parameters: String,
    /// The limit on the memory of an instance, in bytes: a guest can find it out.
    pub(crate) memory: u64,
    /// Whether the step is granted variables. Their values are not stored, so there is no snapshot if `bind` asks for them.
    pub(crate) has_variables: bool,
}

/// Data that is stored with the code of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SnapshotNote {
    /// Why there is no snapshot.
    pub(super) refused: Option<String>,
    /// The messages that `bind` has logged.
    pub(super) log: Vec<LogEntry>,
    /// Where the code is in the component's own file.
    pub(super) moves: CodeMoves,
}

/// A snapshot that was made, or the reason why there is none.
pub(crate) struct MadeSnapshot {
    pub(super) note: SnapshotNote,
    /// The compiled component. Empty if there is no snapshot.
    pub(super) code: bytes::Bytes,
}
