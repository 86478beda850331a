//! How a run starts: as a new run, or from the checkpoint of an earlier one.
//!
//! [`begin`] takes the pipeline's lock, looks at the earlier runs that are left, and applies `--resume` or `--restart` to them.

use std::path::PathBuf;
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::error::RunStoreError;
use super::fingerprint::{Fingerprint, changes};
use super::folder::{RunFolder, checkpoint_in, id_of, record_in};
use super::lock::{PartFiles, PipelineLock, canonical_path, folders_in, is_locked};
use super::prune::{self, RunFiles};
use super::record::{RunRecord, RunState, now};
use super::start::{Checkpointing, Start};
use crate::config::Config;
use crate::model_client::{BatchJobs, Journal};

/// The name of the file of the answers of models.
const ANSWERS: &str = "answers";

/// Records of ended runs that are kept for each pipeline, for `stillbox runs`.
const MAX_RECORDS: usize = 10;

/// A run that holds its pipeline's lock and may start. Lives until the run ends.
#[derive(Debug)]
pub(crate) struct RunHandle {
    /// The run's id. A resumed run keeps the id that it had.
    pub(crate) id: Arc<str>,
    pub(crate) folder: RunFolder,
    /// The checkpoint that is resumed.
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) record: RunRecord,
    /// Earlier runs that this one replaces.
    earlier: Vec<RunFiles>,
    /// Whether the answers of models are to be removed, too.
    is_restart: bool,
}

impl RunHandle {
    /// Returns the file of the answers of models. It belongs to the outputs and not to one run, because a run may be killed before
    /// its first checkpoint.
    pub(crate) fn answers(&self) -> PathBuf {
        self.folder.path().with_file_name(ANSWERS)
    }

    /// Removes the earlier runs that this one replaces. Called once it is known that this one can start.
    ///
    /// # Errors
    /// A file of them cannot be removed.
    pub(crate) fn replace_earlier(&mut self) -> Result<(), RunStoreError> {
        if self.is_restart {
            Journal::remove(&self.answers());
            BatchJobs::remove(&self.answers());
        }
        self.earlier.drain(..).try_for_each(RunFiles::remove)
    }

    /// Compares the pipeline with that of the checkpoint.
    ///
    /// # Errors
    /// The pipeline, or something that it reads, has changed.
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

/// The files that a run writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outputs<'a> {
    pub(crate) paths: &'a [PathBuf],
    /// Whether they are those of the pipeline file, and not of `--output`.
    pub(crate) are_own: bool,
}

/// Takes the pipeline's lock and finds out where to start. Returns `None` for a pipeline that writes no file: its runs cannot
/// collide, so they need no lock and have no state.
///
/// # Errors
/// The pipeline is running, an earlier run has to be resumed or restarted first, or the run to resume is not there.
pub(crate) fn begin(
    settings: &Checkpointing,
    config: &Config,
    outputs: Outputs<'_>,
    id: &Arc<str>,
) -> Result<Option<RunHandle>, RunStoreError> {
    if outputs.paths.is_empty() {
        return match &settings.start {
            Start::ResumeRun(run) => Err(RunStoreError::NoSuchRun { run: run.clone() }),
            Start::New | Start::Restart | Start::Resume => Ok(None),
        };
    }
    let Some(locked) = Locked::take(settings, config, outputs, id)? else { return Ok(None) };
    let mut unfinished = locked.unfinished()?;
    if let Start::ResumeRun(run) = &settings.start {
        unfinished.retain(|earlier| earlier.id() == *run);
        if unfinished.is_empty() {
            return Err(RunStoreError::NoSuchRun { run: run.clone() });
        }
    }
    match unfinished.pop() {
        None => locked.start_without_unfinished(),
        Some(last) => locked.start_after(unfinished, last),
    }
    .map(Some)
}

/// The state between the lock and the decision how to start.
struct Locked<'a> {
    settings: &'a Checkpointing,
    lock: PipelineLock,
    id: &'a Arc<str>,
    name: &'a str,
    /// The pipeline file.
    pipeline: PathBuf,
    /// The files that the run writes.
    outputs: Vec<PathBuf>,
    has_own_outputs: bool,
}

/// An earlier run of the pipeline that has a checkpoint.
struct Unfinished {
    folder: PathBuf,
    /// Or the reason why it cannot be read.
    checkpoint: Result<Checkpoint, String>,
}

impl Unfinished {
    fn id(&self) -> String {
        id_of(&self.folder)
    }
}

impl<'a> Locked<'a> {
    /// Returns `None` if the lock cannot be created and the run does not depend on it.
    fn take(
        settings: &'a Checkpointing,
        config: &'a Config,
        outputs: Outputs<'_>,
        id: &'a Arc<str>,
    ) -> Result<Option<Self>, RunStoreError> {
        let name = &config.pipeline.name.value;
        let pipeline = canonical_path(&config.file);
        let has_own_outputs = outputs.are_own;
        let outputs: Vec<_> = outputs.paths.iter().map(|path| canonical_path(path)).collect();
        let directory = settings.runs.directory_of(name, &pipeline, &outputs);
        match PipelineLock::take(directory, settings.runs.directory()) {
            Ok(lock) => Ok(Some(Self { settings, lock, id, name, pipeline, outputs, has_own_outputs })),
            Err(RunStoreError::Io { action, path, source }) if settings.start == Start::New => {
                tracing::warn!("this run cannot be resumed later: cannot {action} {}: {source}", path.display());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The earlier runs that can be resumed, the oldest first. Removes the remains of those that cannot.
    fn unfinished(&self) -> Result<Vec<Unfinished>, RunStoreError> {
        let lock = &self.lock;
        let folders = lock.folders().map_err(|source| RunStoreError::io("read", &lock.directory, source))?;
        let mut unfinished = Vec::new();
        let mut ended = Vec::new();
        for folder in folders {
            match checkpoint_in(&folder) {
                Some(checkpoint) => unfinished.push(Unfinished { folder, checkpoint }),
                None => ended.push(folder),
            }
        }
        if let Some(last) = &lock.part_files
            && !unfinished.iter().any(|earlier| earlier.id() == last.run)
        {
            prune::remove_parts(&last.run, &last.parts);
        }
        forget(&ended, lock.part_files.as_ref());
        Ok(unfinished)
    }

    /// Starts where no run with these outputs is unfinished. One that the same pipeline file has left with other outputs has
    /// to be restarted: the file has changed since then.
    fn start_without_unfinished(self) -> Result<RunHandle, RunStoreError> {
        let former = if self.has_own_outputs { self.former() } else { Vec::new() };
        match (&self.settings.start, former.last()) {
            (Start::Restart, _) => {
                let earlier = former.into_iter().map(|former| RunFiles::new(former.folder, None)).collect();
                Ok(self.start_new(earlier))
            }
            (_, None) => Ok(self.start_new(Vec::new())),
            (_, Some(former)) => Err(RunStoreError::PipelineChanged {
                run: id_of(&former.folder),
                changes: former.changes(&self.record()),
            }),
        }
    }

    /// Starts where the last of these runs, and perhaps others before it, are unfinished.
    fn start_after(self, before: Vec<Unfinished>, last: Unfinished) -> Result<RunHandle, RunStoreError> {
        match &self.settings.start {
            Start::Restart => {
                let leftovers = |earlier: Unfinished| RunFiles::new(earlier.folder, self.lock.part_files.as_ref());
                let earlier = before.into_iter().chain([last]).map(leftovers).collect();
                Ok(self.start_new(earlier))
            }
            Start::New => {
                let run = last.id();
                Err(match last.checkpoint {
                    Ok(checkpoint) => RunStoreError::Unfinished { run, rows: checkpoint.report.rows_in },
                    Err(what) => RunStoreError::Corrupt { run, what },
                })
            }
            Start::Resume | Start::ResumeRun(_) => self.resume(last),
        }
    }

    fn start_new(self, earlier: Vec<RunFiles>) -> RunHandle {
        let folder = RunFolder::new(self.lock.directory.join(&**self.id), &self.lock.lock);
        let (record, is_restart) = (self.record(), self.settings.start == Start::Restart);
        RunHandle { id: Arc::clone(self.id), folder, checkpoint: None, record, earlier, is_restart }
    }

    fn resume(self, earlier: Unfinished) -> Result<RunHandle, RunStoreError> {
        let run = earlier.id();
        let Unfinished { folder, checkpoint } = earlier;
        let checkpoint = checkpoint.map_err(|what| RunStoreError::Corrupt { run: run.clone(), what })?;
        let record = match record_in(&folder) {
            Ok(record) => {
                RunRecord { state: RunState::Running, written: now(), pid: std::process::id(), failure: None, ..record }
            }
            // It is only for lists, so a new one does.
            Err(_) => RunRecord { run: run.clone(), ..self.record() },
        };
        let folder = RunFolder::new(folder, &self.lock.lock);
        Ok(RunHandle {
            id: run.into(),
            folder,
            checkpoint: Some(checkpoint),
            record,
            earlier: Vec::new(),
            is_restart: false,
        })
    }

    /// The record of a new run.
    fn record(&self) -> RunRecord {
        RunRecord {
            run: self.id.to_string(),
            name: self.name.to_owned(),
            pipeline: self.pipeline.clone().into(),
            started: now(),
            written: now(),
            state: RunState::Running,
            rows: 0,
            pid: std::process::id(),
            parts: Vec::new(),
            outputs: self.outputs.iter().cloned().map(Into::into).collect(),
            has_own_outputs: self.has_own_outputs,
            unrepeatable: None,
            failure: None,
        }
    }

    /// The unfinished runs of the pipeline file that wrote other outputs, because it named others then. Those that are
    /// running are left out.
    fn former(&self) -> Vec<Former> {
        let directories = self.settings.runs.directories_of(&self.pipeline).unwrap_or_default();
        let is_other = |directory: &PathBuf| *directory != self.lock.directory && !is_locked(directory);
        let folders = directories.into_iter().filter(is_other).flat_map(|path| folders_in(&path).unwrap_or_default());
        let former = folders.filter(|folder| checkpoint_in(folder).is_some()).filter_map(|folder| {
            let record = record_in(&folder).ok().filter(|record| record.has_own_outputs)?;
            Some(Former { folder, record })
        });
        former.collect()
    }
}

/// A run that could be resumed if its pipeline file still had the same name and outputs.
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

/// Removes the remains of runs that were killed without a checkpoint, and the oldest records.
fn forget(folders: &[PathBuf], part_files: Option<&PartFiles>) {
    let surplus = folders.len().saturating_sub(MAX_RECORDS);
    for (index, folder) in folders.iter().enumerate() {
        let record = record_in(folder).ok().filter(|_| index >= surplus);
        let has_left = |record: &RunRecord| record.state == RunState::Running || !record.parts.is_empty();
        // A file that cannot be removed does no harm.
        match record {
            Some(record) if has_left(&record) => drop(prune::clean_up(folder, record)),
            Some(_) => {}
            None => drop(RunFiles::new(folder.clone(), part_files).remove()),
        }
    }
}
