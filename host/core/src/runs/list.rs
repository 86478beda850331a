//! Which runs there are.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::RunStore;
use super::begin::id_of;
use super::error::RunStoreError;
use super::folder::{checkpoint_in, record_in};
use super::lock::{folders_in, is_locked, part_files_in};
use super::record::RunState;

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunInfo {
    /// Its id.
    pub id: String,
    /// The pipeline's name.
    pub name: String,
    /// The pipeline file.
    pub pipeline: PathBuf,
    /// What has become of it.
    pub status: RunStatus,
    /// Rows that were read; of a run that could go on, those that it will not read again.
    pub rows: u64,
    /// When it began, in seconds of Unix time.
    pub started: u64,
    /// The process that ran it last.
    pub pid: u32,
    /// Whether it could go on.
    pub resumable: bool,
    /// Why it never could, if that is so.
    pub unrepeatable: Option<String>,
    /// Which of its files is of no use, and why: its checkpoint, without which it cannot go on, or its record, of which the
    /// name and the pipeline above are.
    pub broken: Option<String>,
    /// Files beside its outputs, with what is written of them.
    pub parts: Vec<String>,
    /// Where its state is.
    pub folder: PathBuf,
}

/// What has become of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It is running.
    Running,
    /// It was stopped by a signal, was killed, or the machine stopped.
    Interrupted,
    /// It failed.
    Failed,
    /// It is done.
    Done,
    /// What is kept of it is damaged.
    Broken,
}

impl RunStatus {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Done => "done",
            Self::Broken => "broken",
        }
    }
}

impl RunInfo {
    /// How long ago it began.
    pub fn age(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.saturating_sub(Duration::from_secs(self.started))
    }
}

impl RunStore {
    /// All runs of which something is kept, the latest first.
    ///
    /// # Errors
    /// The directory cannot be read. One that is not there has no runs.
    pub fn list(&self) -> Result<Vec<RunInfo>, RunStoreError> {
        let jobs = match folders_in(self.directory()) {
            Ok(jobs) => jobs,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(RunStoreError::io("look into", self.directory(), source)),
        };
        let mut runs = Vec::new();
        for job in jobs {
            let running = is_locked(&job);
            // It may have been removed since.
            let folders = folders_in(&job).unwrap_or_default();
            runs.extend(folders.iter().map(|folder| info(folder, running, &job)));
        }
        runs.sort_by(|one, other| (other.started, &other.id).cmp(&(one.started, &one.id)));
        Ok(runs)
    }
}

fn info(folder: &Path, running: bool, job: &Path) -> RunInfo {
    let (checkpoint, broken) = match checkpoint_in(folder).transpose() {
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
                status: RunStatus::Broken,
                rows: rows.unwrap_or(0),
                started: started(&id).unwrap_or(0),
                pid: 0,
                resumable: checkpoint.is_some(),
                unrepeatable: None,
                broken: broken.or(Some(what)),
                parts: part_files_in(job).map_or_else(Vec::new, |part_files| part_files.parts_of(&id)),
                folder: folder.to_owned(),
                id,
            };
        }
    };
    let status = match record.state {
        RunState::Running if running => RunStatus::Running,
        _ if broken.is_some() => RunStatus::Broken,
        RunState::Running | RunState::Interrupted => RunStatus::Interrupted,
        RunState::Failed => RunStatus::Failed,
        RunState::Done => RunStatus::Done,
    };
    RunInfo {
        id,
        name: record.name,
        pipeline: record.pipeline,
        status,
        rows: rows.unwrap_or(record.rows),
        started: record.started,
        pid: record.pid,
        resumable: checkpoint.is_some(),
        unrepeatable: record.unrepeatable,
        broken,
        parts: record.parts,
        folder: folder.to_owned(),
    }
}

/// When a run began, in seconds of Unix time: its id begins with it.
fn started(id: &str) -> Option<u64> {
    u64::from_str_radix(id.split('-').next()?, 16).ok()
}
