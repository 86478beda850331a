//! The files of a run: sinks, reject file, and spills between the stages.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::ThreadPool;
use tempfile::TempDir;

use super::stages::drop_sampler;
use crate::cleanup::{CleanupRegistry, Entries, Entry};
use crate::monitor::Monitor;
use crate::plan::{Plan, carried_files};
use crate::runs::RunHandle;
use crate::scheduler::{DroppedFile, Files};
use crate::sink::{self, Encoder, SinkCarried, SinkError, StagingDir};
use crate::spill::{Spill, SpillError, SpillWriter};
use crate::writeback::Writeback;

/// The open files of a run.
pub(super) struct OpenFiles {
    /// Of the sinks, by their index.
    pub(super) encoders: Vec<Arc<dyn Encoder>>,
    pub(super) files: Files,
    /// Between the stages, by their index.
    pub(super) spills: Vec<Arc<Spill>>,
    /// The folder of the spills.
    pub(super) work: WorkDirectory,
    /// Files that are removed if the run ends early, and retained once a checkpoint depends on them.
    pub(super) entries: Entries,
}

/// Opens all files of a run. With a handle they are placed so that the run can be resumed, and continued if it is
/// resumed.
pub(super) fn open_files(
    plan: &Plan,
    cleanup: &CleanupRegistry,
    run: Option<&str>,
    handle: Option<&RunHandle>,
    pool: &Arc<ThreadPool>,
) -> Result<OpenFiles, Box<dyn Error>> {
    let checkpoint = handle.and_then(|handle| handle.checkpoint.as_ref());
    let (encoders, mut files, mut entries) = open_sinks(plan, cleanup, run, handle, pool)?;
    let work = work_directory(plan, handle.map(|handle| handle.folder.path()))?;
    let synced = checkpoint.map(|checkpoint| checkpoint.spills.as_slice());
    let spills = open_spills(plan, &work, synced, &mut files)?;
    // The files of an earlier process stay whatever happens.
    if checkpoint.is_none() {
        entries.extend(work.entries(cleanup, &spills));
    }
    let entries = Entries::new(entries);
    files.entries = entries.clone();
    Ok(OpenFiles { encoders, files, spills, work, entries })
}

/// Encoders of the sinks, the files, and entries for the files that have to be removed if they are not finished.
type Opened = (Vec<Arc<dyn Encoder>>, Files, Vec<Entry>);

/// Opens sinks and reject file. Each is listed for cleanup as soon as it is there, unless it is continued.
fn open_sinks(
    plan: &Plan,
    cleanup: &CleanupRegistry,
    run: Option<&str>,
    handle: Option<&RunHandle>,
    pool: &Arc<ThreadPool>,
) -> Result<Opened, SinkError> {
    let mut entries = Vec::new();
    let writeback = Writeback::default();
    let checkpoint = handle.and_then(|handle| handle.checkpoint.as_ref());
    let mut open = |spec, name: &str, durable, carried| {
        let aside = handle.map(|handle| {
            let folder = handle.folder.path();
            StagingDir { folder, name, synced: durable, writeback: &writeback }
        });
        let (encoder, writer) = sink::open_carrying(spec, run, aside.as_ref(), carried)?;
        if durable.is_none() {
            entries.extend(writer.partial().map(|path| cleanup.add(path)));
        }
        Ok((encoder, writer))
    };
    let opened: Result<Vec<_>, _> = plan
        .sinks
        .iter()
        .zip(carried_files(plan))
        .enumerate()
        .map(|(index, (sink, files))| {
            let synced = checkpoint.and_then(|checkpoint| checkpoint.sinks.get(index));
            let carried = files.map(|files| SinkCarried { files, pool: Arc::clone(pool) });
            open(&sink.spec, &format!("sink-{index}"), synced, carried)
        })
        .collect();
    let (encoders, sinks) = opened?.into_iter().unzip();
    let durable = checkpoint.and_then(|checkpoint| checkpoint.rejects.as_ref());
    let rejects = plan.rejects.as_ref().map(|rejects| open(&rejects.spec, "rejects", durable, None)).transpose()?;
    let rejects = rejects.map(|(_, writer)| writer);
    let earlier = checkpoint.and_then(|checkpoint| checkpoint.dropped.as_ref());
    let dropped = plan.dropped.as_ref().map(|dropped| {
        let (_, writer) = open(&dropped.spec, "dropped", earlier.map(|earlier| &earlier.file), None)?;
        let sampler = drop_sampler(dropped, earlier.map_or(&[], |earlier| &earlier.rows));
        Ok(DroppedFile::new(writer, sampler, dropped.spec.compression))
    });
    let dropped = dropped.transpose()?;
    let (spills, unlisted) = (Vec::new(), Entries::default());
    let monitor = Monitor::default();
    Ok((
        encoders,
        Files { sinks, rejects, dropped, spills, entries: unlisted, writeback, monitor, checkpoint: None },
        entries,
    ))
}

/// The folder of the spills between the stages.
pub(super) enum WorkDirectory {
    /// There are no spills.
    None,
    /// Private, and removed when it is dropped.
    Temporary(TempDir),
    /// The folder of a run that can be resumed.
    OfRun(PathBuf),
}

/// Returns the folder of the run if it can be resumed, or a new one, if there are spills.
fn work_directory(plan: &Plan, run_folder: Option<&Path>) -> io::Result<WorkDirectory> {
    if plan.spills.is_empty() {
        return Ok(WorkDirectory::None);
    }
    match run_folder {
        Some(path) => Ok(WorkDirectory::OfRun(path.to_owned())),
        None => tempfile::Builder::new().prefix("stillbox-").tempdir().map(WorkDirectory::Temporary),
    }
}

impl WorkDirectory {
    fn path(&self) -> &Path {
        match self {
            Self::None => Path::new(""),
            Self::Temporary(folder) => folder.path(),
            Self::OfRun(path) => path,
        }
    }

    /// Returns entries for the files to remove if the run ends early and cannot be resumed.
    fn entries(&self, cleanup: &CleanupRegistry, spills: &[Arc<Spill>]) -> Vec<Entry> {
        match self {
            Self::None => Vec::new(),
            Self::Temporary(folder) => vec![cleanup.add(folder.path())],
            Self::OfRun(_) => spills.iter().map(|spill| cleanup.add(spill.path())).collect(),
        }
    }
}

/// Creates the spills, or continues them at the lengths that are known to be on the disk.
fn open_spills(
    plan: &Plan,
    directory: &WorkDirectory,
    durable: Option<&[u64]>,
    files: &mut Files,
) -> Result<Vec<Arc<Spill>>, SpillError> {
    let can_be_resumed = matches!(directory, WorkDirectory::OfRun(_));
    let mut spills = Vec::with_capacity(plan.spills.len());
    for (index, spill_plan) in plan.spills.iter().enumerate() {
        let spill = Arc::new(Spill::new(directory.path().join(format!("{index}.rows")), &spill_plan.title));
        let length = durable.map(|lengths| lengths.get(index).copied().unwrap_or(0));
        files.spills.push(SpillWriter::open(&spill, length, can_be_resumed.then_some(&files.writeback))?);
        spills.push(spill);
    }
    Ok(spills)
}
