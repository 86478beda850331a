//! How a run begins: anew, or where an earlier one stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::error::RunStoreError;
use super::fingerprint::{Fingerprint, changes};
use super::folder::{RunFolder, checkpoint_in, record_in};
use super::lock::{PartFiles, PipelineLock, canonical_path, folders_in, is_locked};
use super::prune::{self, RunFiles};
use super::record::{RunRecord, RunState, now};
use super::{Checkpointing, Start};
use crate::config::Config;

/// Records of ended runs that are kept of a pipeline.
const MAX_RECORDS: usize = 10;

/// A run that may begin.
#[derive(Debug)]
pub(crate) struct RunHandle {
    /// The run's id; that of the earlier run if it goes on.
    pub(crate) id: Arc<str>,
    pub(crate) folder: RunFolder,
    /// Where it goes on.
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) record: RunRecord,
    /// Earlier runs that it begins anew in place of.
    earlier: Vec<RunFiles>,
}

impl RunHandle {
    /// Removes what is kept of the earlier runs; not before it is known that this one can begin.
    ///
    /// # Errors
    /// Something of them cannot be removed.
    pub(crate) fn replace_earlier(&mut self) -> Result<(), RunStoreError> {
        self.earlier.drain(..).try_for_each(RunFiles::remove)
    }

    /// Makes sure that what is left of the run fits what is written.
    ///
    /// # Errors
    /// What it depends on has changed.
    pub(crate) fn check(&self, now: &Fingerprint) -> Result<(), RunStoreError> {
        let Some(checkpoint) = &self.checkpoint else { return Ok(()) };
        let changes = changes(&checkpoint.depends_on, now);
        if changes.is_empty() {
            Ok(())
        } else {
            Err(RunStoreError::PipelineChanged { run: self.id.to_string(), changes })
        }
    }
}

/// Takes the pipeline's lock, and finds out where to begin. Of a pipeline that writes no file there is none, since its
/// runs are not in each other's way.
///
/// # Errors
/// The pipeline is running, or what is asked for and what is kept do not go together.
pub(crate) fn begin(
    keep: &Checkpointing,
    config: &Config,
    Outputs { paths: outputs, are_own }: Outputs<'_>,
    id: &Arc<str>,
) -> Result<Option<RunHandle>, RunStoreError> {
    if outputs.is_empty() {
        return match &keep.start {
            Start::ResumeRun(run) => Err(RunStoreError::NoSuchRun { run: run.clone() }),
            Start::New | Start::Restart | Start::Resume => Ok(None),
        };
    }
    let name = &config.pipeline.name.value;
    let pipeline = canonical_path(&config.file);
    let outputs: Vec<_> = outputs.iter().map(|path| canonical_path(path)).collect();
    let directory = keep.runs.directory_of(name, &pipeline, &outputs);
    let job = match PipelineLock::take(directory, keep.runs.directory(), &outputs) {
        // Without a place to keep it, a run is as good as before; it only cannot go on.
        Err(RunStoreError::Io { action, path, source }) if keep.start == Start::New => {
            tracing::warn!("this run cannot be resumed later: cannot {action} {}: {source}", path.display());
            return Ok(None);
        }
        job => job?,
    };
    let folders = job.folders().map_err(|source| RunStoreError::io("read", &job.directory, source))?;
    let mut unfinished = Vec::new();
    let mut ended = Vec::new();
    for folder in folders {
        let Some(checkpoint) = checkpoint_in(&folder) else {
            ended.push(folder);
            continue;
        };
        unfinished.push((folder, checkpoint));
    }
    if let Some(last) = &job.part_files
        && !unfinished.iter().any(|(folder, _)| id_of(folder) == last.run)
    {
        prune::remove_parts(&last.run, &last.parts);
    }
    forget(&ended, job.part_files.as_ref());
    if let Start::ResumeRun(run) = &keep.start {
        unfinished.retain(|(folder, _)| id_of(folder) == *run);
        if unfinished.is_empty() {
            return Err(RunStoreError::NoSuchRun { run: run.clone() });
        }
    }
    let new = || {
        let folder = RunFolder::new(job.directory.join(&**id), &job.locks);
        let record = RunRecord {
            run: id.to_string(),
            name: name.clone(),
            pipeline: pipeline.clone(),
            started: now(),
            written: now(),
            state: RunState::Running,
            rows: 0,
            pid: std::process::id(),
            parts: Vec::new(),
            outputs: outputs.clone(),
            has_own_outputs: are_own,
            unrepeatable: None,
        };
        RunHandle { id: Arc::clone(id), folder, checkpoint: None, record, earlier: Vec::new() }
    };
    let last = unfinished.pop();
    let former = if last.is_none() && are_own { former(keep, &job, &pipeline) } else { Vec::new() };
    match (&keep.start, last) {
        (Start::Restart, None) => {
            let earlier = former.into_iter().map(|former| RunFiles::new(former.folder, None)).collect();
            Ok(Some(RunHandle { earlier, ..new() }))
        }
        (_, None) => match former.last() {
            None => Ok(Some(new())),
            Some(former) => Err(RunStoreError::PipelineChanged {
                run: id_of(&former.folder),
                changes: former.changes(&new().record),
            }),
        },
        (Start::Restart, Some(last)) => {
            let left = |(folder, _)| RunFiles::new(folder, job.part_files.as_ref());
            let earlier = unfinished.into_iter().chain([last]).map(left).collect();
            Ok(Some(RunHandle { earlier, ..new() }))
        }
        (Start::New, Some((folder, checkpoint))) => {
            let run = id_of(&folder);
            Err(match checkpoint {
                Ok(checkpoint) => RunStoreError::Unfinished { run, rows: checkpoint.report.rows_in },
                Err(what) => RunStoreError::Corrupt { run, what },
            })
        }
        (Start::Resume | Start::ResumeRun(_), Some((folder, checkpoint))) => {
            let run = id_of(&folder);
            let checkpoint = checkpoint.map_err(|what| RunStoreError::Corrupt { run: run.clone(), what })?;
            let record = match record_in(&folder) {
                Ok(record) => RunRecord { state: RunState::Running, written: now(), pid: std::process::id(), ..record },
                Err(_) => RunRecord { run: run.clone(), ..new().record },
            };
            let folder = RunFolder::new(folder, &job.locks);
            Ok(Some(RunHandle { id: run.into(), folder, checkpoint: Some(checkpoint), record, earlier: Vec::new() }))
        }
    }
}

/// What a run writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outputs<'a> {
    pub(crate) paths: &'a [PathBuf],
    /// Whether that is what the pipeline file says.
    pub(crate) are_own: bool,
}

/// A run that could go on if its pipeline were still called the same and wrote the same files.
struct Former {
    folder: PathBuf,
    record: RunRecord,
}

impl Former {
    fn changes(&self, now: &RunRecord) -> Vec<String> {
        let mut changes = Vec::new();
        if self.record.name != now.name {
            changes.push(format!("[pipeline] name was \"{}\" and is \"{}\"", self.record.name, now.name));
        }
        if self.record.outputs != now.outputs {
            let list = |record: &RunRecord| {
                let names: Vec<_> = record.outputs.iter().map(|path| path.display().to_string()).collect();
                names.join(", ")
            };
            changes.push(format!("the outputs were {} and are {}", list(&self.record), list(now)));
        }
        changes
    }
}

/// The runs of a pipeline file that wrote other files, as it said then. Those that are running are none.
fn former(keep: &Checkpointing, job: &PipelineLock, pipeline: &Path) -> Vec<Former> {
    let directories = keep.runs.directories_of(pipeline).unwrap_or_default();
    let others = directories.into_iter().filter(|directory| *directory != job.directory && !is_locked(directory));
    let folders = others.flat_map(|directory| folders_in(&directory).unwrap_or_default());
    let former = folders.filter(|folder| checkpoint_in(folder).is_some()).filter_map(|folder| {
        let record = record_in(&folder).ok().filter(|record| record.has_own_outputs)?;
        Some(Former { folder, record })
    });
    former.collect()
}

/// Sweeps up behind runs that ended without a checkpoint, and without doing so themselves, and removes the oldest records.
fn forget(folders: &[PathBuf], part_files: Option<&PartFiles>) {
    let surplus = folders.len().saturating_sub(MAX_RECORDS);
    for (index, folder) in folders.iter().enumerate() {
        let record = record_in(folder).ok().filter(|_| index >= surplus);
        let has_left = |record: &RunRecord| record.state == RunState::Running || !record.parts.is_empty();
        // What cannot be removed is in nobody's way.
        match record {
            Some(record) if has_left(&record) => drop(prune::clean_up(folder, record)),
            Some(_) => {}
            None => drop(RunFiles::new(folder.clone(), part_files).remove()),
        }
    }
}

pub(super) fn id_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
