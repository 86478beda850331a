//! How a run begins: anew, or where an earlier one stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::error::RunsError;
use super::fingerprint::{Fingerprint, changes};
use super::folder::{RunFolder, checkpoint_in, record_in};
use super::job::Job;
use super::record::{Record, State, now};
use super::{Keep, Start, prune};
use crate::config::Config;

/// Records of ended runs that are kept of a pipeline.
const MOST_RECORDS: usize = 10;

/// A run that may begin.
#[derive(Debug)]
pub(crate) struct Begun {
    /// The run's id; that of the earlier run if it goes on.
    pub(crate) id: Arc<str>,
    pub(crate) folder: RunFolder,
    /// Where it goes on.
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) record: Record,
}

impl Begun {
    /// Makes sure that what is left of the run fits what is written.
    ///
    /// # Errors
    /// What it depends on has changed.
    pub(crate) fn check(&self, now: &Fingerprint) -> Result<(), RunsError> {
        let Some(checkpoint) = &self.checkpoint else { return Ok(()) };
        let changes = changes(&checkpoint.depends_on, now);
        if changes.is_empty() { Ok(()) } else { Err(RunsError::Changed { run: self.id.to_string(), changes }) }
    }
}

/// Takes the pipeline's lock, and finds out where to begin. Of a pipeline that writes no file there is none, since its
/// runs are not in each other's way.
///
/// # Errors
/// The pipeline is running, or what is asked for and what is kept do not go together.
pub(crate) fn begin(
    keep: &Keep,
    config: &Config,
    outputs: &[PathBuf],
    id: &Arc<str>,
) -> Result<Option<Begun>, RunsError> {
    if outputs.is_empty() {
        return match &keep.start {
            Start::ResumeRun(run) => Err(RunsError::NoSuchRun { run: run.clone() }),
            Start::New | Start::Restart | Start::Resume => Ok(None),
        };
    }
    let name = &config.pipeline.name.value;
    let job = match Job::take(keep.runs.directory_of(name, &config.file, outputs)) {
        // Without a place to keep it, a run is as good as before; it only cannot go on.
        Err(RunsError::Io { action, path, source }) if keep.start == Start::New => {
            tracing::warn!("this run could not be resumed: cannot {action} {}: {source}", path.display());
            return Ok(None);
        }
        job => job?,
    };
    let folders = job.folders().map_err(|source| RunsError::io("look into", &job.directory, source))?;
    let mut unfinished = Vec::new();
    let mut ended = Vec::new();
    for folder in folders {
        let Some(checkpoint) = checkpoint_in(&folder) else {
            ended.push(folder);
            continue;
        };
        unfinished.push((folder, checkpoint));
    }
    forget(&ended);
    if let Start::ResumeRun(run) = &keep.start {
        unfinished.retain(|(folder, _)| id_of(folder) == *run);
        if unfinished.is_empty() {
            return Err(RunsError::NoSuchRun { run: run.clone() });
        }
    }
    let new = || {
        let folder = RunFolder::new(job.directory.join(&**id), &job.lock);
        let record = Record {
            run: id.to_string(),
            name: name.clone(),
            pipeline: super::job::real(&config.file),
            started: now(),
            written: now(),
            state: State::Running,
            rows: 0,
            pid: std::process::id(),
            parts: Vec::new(),
            unrepeatable: None,
        };
        Begun { id: Arc::clone(id), folder, checkpoint: None, record }
    };
    match (&keep.start, unfinished.pop()) {
        (_, None) => Ok(Some(new())),
        (Start::Restart, Some(last)) => {
            for (folder, _) in unfinished.into_iter().chain([last]) {
                prune::remove(&folder).map_err(|source| RunsError::io("remove", folder, source))?;
            }
            Ok(Some(new()))
        }
        (Start::New, Some((folder, checkpoint))) => {
            let rows = checkpoint.map_or(0, |checkpoint| checkpoint.counts.rows_in);
            Err(RunsError::Unfinished { run: id_of(&folder), rows })
        }
        (Start::Resume | Start::ResumeRun(_), Some((folder, checkpoint))) => {
            let run = id_of(&folder);
            let checkpoint = checkpoint.map_err(|what| RunsError::Broken { run: run.clone(), what })?;
            let record = match record_in(&folder) {
                Some(record) => Record { state: State::Running, written: now(), pid: std::process::id(), ..record },
                None => Record { run: run.clone(), ..new().record },
            };
            let folder = RunFolder::new(folder, &job.lock);
            Ok(Some(Begun { id: run.into(), folder, checkpoint: Some(checkpoint), record }))
        }
    }
}

/// Sweeps up behind runs that were killed before their first checkpoint, and removes the oldest records.
fn forget(folders: &[PathBuf]) {
    let surplus = folders.len().saturating_sub(MOST_RECORDS);
    for (index, folder) in folders.iter().enumerate() {
        let record = record_in(folder);
        let was_killed = record.as_ref().is_none_or(|record| record.state == State::Running);
        // What cannot be removed is in nobody's way.
        let _ = match record {
            Some(record) if index >= surplus && was_killed => prune::sweep(folder, record),
            Some(_) if index >= surplus => Ok(()),
            _ => prune::remove(folder),
        };
    }
}

pub(super) fn id_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
