//! The state of runs on disk, from which they can be resumed: plain files with checksums, below one directory.
//!
//! ```text
//! RUNS/clean-text-3f2a9c0b51d7e604/     the runs of a pipeline file with certain outputs
//!   lock                                locked during a run; contains the process id and the paths of its part files
//!   6741f2c0-09ab3e/                    a run
//!     record.json                       for `stillbox runs`: pipeline, state, number of rows
//!     checkpoint                        the point from which to resume; absent before the first checkpoint and after the end
//!     0.rows                            rows spilled between two stages
//!     sink-0.groups, sink-0.3.rows      metadata of finished row groups of a Parquet file, and rows of the next row group
//! ```
//!
//! Outputs are written to part files next to their destinations, with the run's id in their names, because a file can only
//! be renamed within its file system. Next to them are the locks of the outputs, which pipelines in other state directories
//! see as well.

mod begin;
mod checkpoint;
mod error;
mod fingerprint;
mod folder;
mod list;
mod lock;
mod output_lock;
mod prune;
mod record;
mod start;
mod store;
mod stored_path;

pub(crate) use begin::{Outputs, RunHandle, begin};
pub(crate) use checkpoint::{Checkpoint, DroppedCheckpoint, FinishedOutput, ResumePoint};
pub use error::RunStoreError;
pub(crate) use fingerprint::{Fingerprint, fingerprint};
pub(crate) use folder::{RunFolder, recognises_restarts};
pub use list::{RunInfo, RunStatus};
pub(crate) use lock::canonical_path;
pub(crate) use lock::read_record_and_lock;
pub(crate) use output_lock::OutputLocks;
pub use prune::PruneSummary;
pub(crate) use record::{RunRecord, RunState};
pub use start::{CHECKPOINT_EVERY, Checkpointing, Start};
pub use store::RunStore;
pub(crate) use stored_path::StoredPath;
