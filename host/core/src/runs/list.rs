//! Listing runs.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::error::RunStoreError;
use super::folder::{checkpoint_in, id_of, record_in};
use super::lock::{folders_in, is_locked, part_files_in};
use super::record::RunState;
use super::store::RunStore;
use super::stored_path::StoredPath;
use crate::text::{path_as_text, paths_as_text};

/// The description of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RunInfo {
    /// The id of the run.
    pub id: String,
    /// The pipeline's name.
    pub name: String,
    /// The pipeline file.
    #[serde(serialize_with = "path_as_text")]
    pub pipeline: PathBuf,
    /// The status of the run.
    pub status: RunStatus,
    /// The number of rows read. For a resumable run, up to its last checkpoint.
    pub rows: u64,
    /// The start of the run, in seconds of Unix time.
    pub started: u64,
    /// The id of the process that ran it last.
    pub pid: u32,
    /// Whether the run can be resumed.
    pub resumable: bool,
    /// The reason why a run of this pipeline can never be resumed, if there is one.
    pub unrepeatable: Option<String>,
    /// The failure of the run as one line, if it failed.
    pub failure: Option<String>,
    /// The corrupt file of the run, and the problem: the checkpoint, without which the run cannot be resumed, or the record,
    /// without which `name` and `pipeline` are empty.
    pub corrupt: Option<String>,
    /// The paths of its part files.
    #[serde(serialize_with = "paths_as_text")]
    pub parts: Vec<PathBuf>,
    /// The folder with its state.
    #[serde(serialize_with = "path_as_text")]
    pub folder: PathBuf,
}

/// The status of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RunStatus {
    /// The run is in progress.
    Running,
    /// A signal stopped the run, its process was killed, or the machine stopped.
    Interrupted,
    /// The run failed.
    Failed,
    /// The run succeeded.
    Done,
    /// The state of the run is corrupt.
    Corrupt,
}

impl RunStatus {
    /// The name of the status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Done => "done",
            Self::Corrupt => "corrupt",
        }
    }
}

impl RunInfo {
    /// The time since the start of the run.
    pub fn age(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.saturating_sub(Duration::from_secs(self.started))
    }
}

impl RunStore {
    /// Lists all runs in the directory, the latest first. A missing directory has no runs.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn list(&self) -> Result<Vec<RunInfo>, RunStoreError> {
        let pipeline_folders = match folders_in(self.directory()) {
            Ok(pipeline_folders) => pipeline_folders,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(RunStoreError::io("read", self.directory(), source)),
        };
        let mut runs = Vec::new();
        for pipeline_folder in pipeline_folders {
            let running = is_locked(&pipeline_folder);
            // The folder may have been removed in the meantime.
            let folders = folders_in(&pipeline_folder).unwrap_or_default();
            runs.extend(folders.iter().map(|folder| info(folder, running, &pipeline_folder)));
        }
        runs.sort_by(|one, other| (other.started, &other.id).cmp(&(one.started, &one.id)));
        Ok(runs)
    }
}

fn info(folder: &Path, running: bool, pipeline_folder: &Path) -> RunInfo {
    let (checkpoint, corrupt) = match checkpoint_in(folder).transpose() {
        Ok(checkpoint) => (checkpoint, None),
        Err(what) => (None, Some(what)),
    };
    let id = id_of(folder);
    let rows = checkpoint.as_ref().map(|checkpoint| checkpoint.report.rows_in);
    let record = match record_in(folder) {
        Ok(record) => record,
        Err(what) => {
            return RunInfo {
                name: String::new(),
                pipeline: PathBuf::new(),
                status: RunStatus::Corrupt,
                rows: rows.unwrap_or(0),
                started: started(&id).unwrap_or(0),
                pid: 0,
                resumable: checkpoint.is_some(),
                unrepeatable: None,
                failure: None,
                corrupt: corrupt.or(Some(what)),
                parts: paths(part_files_in(pipeline_folder).map_or_else(Vec::new, |files| files.parts_of(&id))),
                folder: folder.to_owned(),
                id,
            };
        }
    };
    let status = match record.state {
        RunState::Running if running => RunStatus::Running,
        _ if corrupt.is_some() => RunStatus::Corrupt,
        RunState::Running | RunState::Interrupted => RunStatus::Interrupted,
        RunState::Failed => RunStatus::Failed,
        RunState::Done => RunStatus::Done,
    };
    RunInfo {
        id,
        name: record.name,
        pipeline: record.pipeline.into_path(),
        status,
        rows: rows.unwrap_or(record.rows),
        started: record.started,
        pid: record.pid,
        resumable: checkpoint.is_some(),
        unrepeatable: record.unrepeatable,
        failure: record.failure,
        corrupt,
        parts: paths(record.parts),
        folder: folder.to_owned(),
    }
}

fn paths(stored: Vec<StoredPath>) -> Vec<PathBuf> {
    stored.into_iter().map(StoredPath::into_path).collect()
}

/// The start of a run in seconds of Unix time, which is the first part of its id.
fn started(id: &str) -> Option<u64> {
    u64::from_str_radix(id.split('-').next()?, 16).ok()
}
