//! The state of a run on disk, before it starts and after it has ended.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::cleanup::Entries;
use crate::format::Format;
use crate::grants::DirGrant;
use crate::plan::Plan;
use crate::report::Report;
use crate::runs::{RunFolder, RunHandle, RunRecord, RunState, RunStoreError, StoredPath};
use crate::scheduler::RunOutcome;
use crate::sink::{self, SinkLocation, SinkSpec};
use crate::text::cut;

/// How long a run lasts before it is listed. Shorter ones are recorded when they have ended: to create a folder before
/// an output is synced would take most of their time.
const RECORDED_AFTER: Duration = Duration::from_millis(200);

/// The bound of a failure's message in the record of a run, in bytes.
const MESSAGE_BYTES: usize = 1 << 10;

/// Creates the run's folder if files are placed in it from the start. `reads_batches` is true if a source has no files.
pub(super) fn prepare(handle: &mut RunHandle, plan: &Plan, reads_batches: bool) -> Result<(), RunStoreError> {
    handle.record.unrepeatable = unrepeatable(plan, reads_batches).map(ToOwned::to_owned);
    if let (Some(_), Some(why)) = (&handle.checkpoint, &handle.record.unrepeatable) {
        return Err(RunStoreError::PipelineChanged { run: handle.id.to_string(), changes: vec![why.clone()] });
    }
    handle.replace_earlier()?;
    let is_needed = !plan.spills.is_empty() || plan.sinks.iter().any(|sink| sink.spec.format == Format::Parquet);
    let path = handle.folder.path();
    is_needed.then(|| handle.folder.create()).transpose().map(drop).map_err(|source| RunStoreError::Io {
        action: "make",
        path: path.to_owned(),
        source,
    })
}

/// Records a run once it has lasted for a while, unless this is dropped before. Its thread is not joined: a thread that
/// ends frees its memory, for which it may wait for guests that are being stopped.
pub(super) struct RunRecorder {
    shared: Arc<Unrecorded>,
}

struct Unrecorded {
    /// `None` when the run has ended. Locked while the record is written.
    pending: Mutex<Option<(RunFolder, RunRecord)>>,
    changed: Condvar,
}

impl RunRecorder {
    pub(super) fn start(handle: &RunHandle, parts: &[StoredPath]) -> Self {
        let record = RunRecord { parts: parts.to_vec(), ..handle.record.clone() };
        let pending = Mutex::new(Some((handle.folder.clone(), record)));
        let shared = Arc::new(Unrecorded { pending, changed: Condvar::new() });
        let make = {
            let shared = Arc::clone(&shared);
            move || {
                let mut pending = shared.pending.lock();
                shared.changed.wait_while_for(&mut pending, |pending| pending.is_some(), RECORDED_AFTER);
                if let Some((folder, record)) = pending.take() {
                    write(&folder, &record);
                }
            }
        };
        // Without this thread, which only an overloaded system cannot start, the run is not listed before its first
        // checkpoint.
        let _ = thread::Builder::new().name("recorder".into()).spawn(make);
        Self { shared }
    }
}

impl Drop for RunRecorder {
    fn drop(&mut self) {
        *self.shared.pending.lock() = None;
        self.shared.changed.notify_one();
    }
}

/// Retains the files of a run that can be resumed, and removes those of any other.
pub(super) fn settle(handle: &RunHandle, end: &RunOutcome, entries: &Entries, (parts, rows): (Vec<StoredPath>, u64)) {
    let state = match end {
        RunOutcome::Done | RunOutcome::OutputClosed => RunState::Done,
        RunOutcome::Failed(_) | RunOutcome::TooManyRejects | RunOutcome::TooFewRows => RunState::Failed,
        RunOutcome::Interrupted(..) | RunOutcome::Waiting => RunState::Interrupted,
    };
    let record = RunRecord { failure: failure(end), ..handle.record.clone() };
    // A run that can be resumed retains everything. A checkpoint that could not be written does not count.
    if state == RunState::Done || entries.remove() || !handle.folder.has_checkpoint() {
        ended(handle, record, state, rows);
    } else {
        write(&handle.folder, &RunRecord { parts, ..record }.ended(state, rows));
    }
}

/// Returns what failed, as one line for lists.
fn failure(end: &RunOutcome) -> Option<String> {
    match end {
        RunOutcome::Failed(failures) => {
            let first = failures.first()?;
            let kind = first.kind;
            let step = first.step.as_ref().map_or_else(String::new, |step| format!(" in step {step}"));
            let place = first.row.as_ref().map_or_else(String::new, |row| format!(" at {row}"));
            let more = match failures.len() - 1 {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            Some(format!("{kind}{step}{place}: {}{more}", cut(&first.message, MESSAGE_BYTES)))
        }
        RunOutcome::TooManyRejects => Some("more rows were rejected than `max-rejects` allows".into()),
        RunOutcome::TooFewRows => Some("fewer rows were accepted than `until` wants".into()),
        RunOutcome::Done | RunOutcome::OutputClosed | RunOutcome::Waiting | RunOutcome::Interrupted(..) => None,
    }
}

/// Returns why the run could not be resumed, or `None` if it could.
fn unrepeatable(plan: &Plan, reads_batches: bool) -> Option<&'static str> {
    let is_regular = |path: &Path| fs::metadata(path).map_or(true, |there| there.is_file());
    if outputs(plan).any(|spec| matches!(spec.location, SinkLocation::Batches(_))) {
        Some("it writes to the program that runs it")
    } else if reads_batches {
        Some("it reads rows of the program that runs it")
    } else if plan.steps().any(|step| step.grants.dirs.iter().any(DirGrant::is_writable)) {
        Some("a step writes files of its own")
    } else if outputs(plan).any(|spec| spec.location == SinkLocation::Stdout) {
        Some("it writes to the standard output")
    } else if plan.sources.iter().any(|source| source.files.is_empty()) {
        Some("it reads the standard input")
    } else if plan.sources.iter().any(|source| source.total_bytes.is_none()) {
        Some("an input is not a regular file")
    } else if outputs(plan).any(|spec| matches!(&spec.location, SinkLocation::Path(path) if !is_regular(path))) {
        Some("an output is not a regular file")
    } else {
        None
    }
}

/// Renames the outputs of a run that had completed them before it was killed.
pub(super) fn placed(handle: &RunHandle) -> Result<Option<Report>, RunStoreError> {
    let Some(checkpoint) = &handle.checkpoint else { return Ok(None) };
    let Some(places) = &checkpoint.finished else { return Ok(None) };
    for place in places {
        let (from, to): (&Path, &Path) = (&place.from, &place.to);
        match fs::rename(from, to) {
            Ok(()) => sink::sync_folder(to),
            // It was renamed before.
            Err(error) if error.kind() == ErrorKind::NotFound && has_length(to, place.length) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let what = format!("{} is not there any more", from.display());
                return Err(RunStoreError::Corrupt { run: handle.id.to_string(), what });
            }
            Err(source) => return Err(RunStoreError::Io { action: "replace", path: to.to_owned(), source }),
        }
    }
    let report = checkpoint.report.clone();
    ended(handle, handle.record.clone(), RunState::Done, report.rows_in);
    Ok(Some(report))
}

fn has_length(path: &Path, length: u64) -> bool {
    fs::metadata(path).is_ok_and(|there| there.is_file() && there.len() == length)
}

/// Records the end of a run that cannot be resumed, and removes its files.
fn ended(handle: &RunHandle, record: RunRecord, state: RunState, rows: u64) {
    write(&handle.folder, &RunRecord { parts: Vec::new(), ..record }.ended(state, rows));
    if let Err(error) = handle.folder.clear() {
        tracing::warn!("the files of the run cannot be removed: {error}");
    }
}

/// Writes a run's record. Without it the run is missing from lists only.
fn write(folder: &RunFolder, record: &RunRecord) {
    if let Err(error) = folder.record(record) {
        tracing::warn!("the run is not recorded: {error}");
    }
}

/// Writes into the lock file which temporary files the run is going to create, before they exist.
pub(super) fn announce(handle: &RunHandle, plan: &Plan) -> Vec<StoredPath> {
    let parts = outputs(plan).filter_map(|spec| sink::part_path(&spec.location, &handle.id));
    let parts: Vec<_> = parts.map(StoredPath::from).collect();
    if let Err(error) = handle.folder.write_part_files(parts.clone()) {
        tracing::warn!("if this run is killed at once, it may leave temporary files next to its outputs: {error}");
    }
    parts
}

/// Returns the outputs, the reject file last.
fn outputs(plan: &Plan) -> impl Iterator<Item = &SinkSpec> {
    let dropped = plan.dropped.iter().map(|dropped| &dropped.spec);
    let rejects = plan.rejects.iter().map(|rejects| &rejects.spec);
    plan.sinks.iter().map(|sink| &sink.spec).chain(dropped).chain(rejects)
}
