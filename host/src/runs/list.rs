//! Which runs there are.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::Runs;
use super::begin::id_of;
use super::error::RunsError;
use super::folder::{checkpoint_in, record_in};
use super::job::{folders_in, is_taken};
use super::record::State;

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
    /// Why it could not, though it has a checkpoint.
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

impl Runs {
    /// All runs of which something is kept, the latest first.
    ///
    /// # Errors
    /// The directory cannot be read. One that is not there has no runs.
    pub fn list(&self) -> Result<Vec<RunInfo>, RunsError> {
        let jobs = match folders_in(self.directory()) {
            Ok(jobs) => jobs,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(RunsError::io("look into", self.directory(), source)),
        };
        let mut runs = Vec::new();
        for job in jobs {
            let running = is_taken(&job);
            // It may have been removed since.
            runs.extend(folders_in(&job).unwrap_or_default().iter().map(|folder| info(folder, running)));
        }
        runs.sort_by(|one, other| (other.started, &other.id).cmp(&(one.started, &one.id)));
        Ok(runs)
    }
}

fn info(folder: &Path, running: bool) -> RunInfo {
    let checkpoint = checkpoint_in(folder);
    let (checkpoint, broken) = match checkpoint.transpose() {
        Ok(checkpoint) => (checkpoint, None),
        Err(what) => (None, Some(what)),
    };
    let id = id_of(folder);
    let rows = checkpoint.as_ref().map(|checkpoint| checkpoint.report.rows_in);
    let resumable = checkpoint.is_some();
    let Some(record) = record_in(folder) else {
        // Ids begin with the time.
        let started = id.split('-').next().and_then(|digits| u64::from_str_radix(digits, 16).ok());
        return RunInfo {
            id,
            name: String::new(),
            pipeline: PathBuf::new(),
            status: RunStatus::Broken,
            rows: rows.unwrap_or(0),
            started: started.unwrap_or(0),
            pid: 0,
            resumable,
            unrepeatable: None,
            broken: broken.or_else(|| Some("its record is damaged".into())),
            parts: Vec::new(),
            folder: folder.to_owned(),
        };
    };
    let status = match record.state {
        State::Running if running => RunStatus::Running,
        _ if broken.is_some() => RunStatus::Broken,
        State::Running | State::Interrupted => RunStatus::Interrupted,
        State::Failed => RunStatus::Failed,
        State::Done => RunStatus::Done,
    };
    RunInfo {
        id,
        name: record.name,
        pipeline: record.pipeline,
        status,
        rows: rows.unwrap_or(record.rows),
        started: record.started,
        pid: record.pid,
        resumable,
        unrepeatable: record.unrepeatable,
        broken,
        parts: record.parts,
        folder: folder.to_owned(),
    }
}
