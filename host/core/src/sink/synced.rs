//! The synced length of an output: the part that is known to be on disk.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::writeback::Writeback;

/// The folder for additional files that make an output resumable. They are removed when the run is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StagingDir<'a> {
    /// The folder.
    pub(crate) folder: &'a Path,
    /// Prefix of the names of the files.
    pub(crate) name: &'a str,
    /// The synced length, when a run is resumed.
    pub(crate) synced: Option<&'a SyncedLength>,
    /// The unsynced bytes of the run.
    pub(crate) writeback: &'a Writeback,
}

/// The synced length of an output, in bytes. On resume, bytes after it are truncated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SyncedLength {
    /// The length of the file.
    pub(crate) length: u64,
    /// Additional lengths for Parquet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<SyncedRowGroups>,
}

/// The synced row groups of a Parquet file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SyncedRowGroups {
    /// Number of complete row groups in the file.
    pub(crate) count: u64,
    /// Bytes of their footer entries in `NAME.groups`.
    pub(crate) index: u64,
    /// Bytes of the saved rows of the incomplete group.
    pub(crate) rows: u64,
}
