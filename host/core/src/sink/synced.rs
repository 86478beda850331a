//! What of an output is known to be on the disk.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// Where what an output needs besides its file is kept until its run is done, so that it can be gone on with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StagingDir<'a> {
    /// The folder for what is needed besides.
    pub(crate) folder: &'a Path,
    /// What files in there begin with.
    pub(crate) name: &'a str,
    /// What is on the disk already.
    pub(crate) synced: Option<&'a SyncedLength>,
}

/// How much of an output is on the disk, in bytes. What is behind that is to be cut off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SyncedLength {
    /// Of the file itself.
    pub(crate) length: u64,
    /// Of Parquet, what its writer needs besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<SyncedRowGroups>,
}

/// Row groups of a Parquet file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SyncedRowGroups {
    /// How many are in the file.
    pub(crate) count: u64,
    /// Bytes of what the file's end says of them.
    pub(crate) index: u64,
    /// Bytes of the rows of the next one.
    pub(crate) rows: u64,
}
