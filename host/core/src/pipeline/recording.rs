//! What a run does for its state, before it begins and after it has ended.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::cleanup::Entries;
use crate::format::Format;
use crate::plan::Plan;
use crate::report::Report;
use crate::runs::{self, RunFolder, RunHandle, RunRecord, RunState, RunStoreError};
use crate::scheduler::RunOutcome;
use crate::sink::{self, SinkLocation, SinkSpec};

/// How long a run lasts before it is in lists. Those that are shorter are recorded when they have ended: to make a folder
/// before an output is put on the disk would cost them more than all else.
const RECORDED_AFTER: Duration = Duration::from_millis(200);

/// Makes the run's folder, now that it is known that it can begin, if anything is kept in it from its beginning.
pub(super) fn prepare(begun: &mut RunHandle, plan: &Plan) -> Result<(), RunStoreError> {
    begun.record.unrepeatable = unrepeatable(plan).map(ToOwned::to_owned);
    if let (Some(_), Some(why)) = (&begun.checkpoint, &begun.record.unrepeatable) {
        return Err(RunStoreError::PipelineChanged { run: begun.id.to_string(), changes: vec![why.clone()] });
    }
    begun.replace_earlier()?;
    let is_needed = !plan.spills.is_empty() || plan.sinks.iter().any(|sink| sink.spec.format == Format::Parquet);
    let path = begun.folder.path();
    let make = || fs::create_dir_all(path);
    is_needed.then(make).transpose().map(drop).map_err(|source| RunStoreError::Io {
        action: "make",
        path: path.to_owned(),
        source,
    })
}

/// Makes a run known once it has lasted for a while, unless it is dropped before. Its thread is not waited for: a thread
/// that ends gives its memory back, for which it may wait behind guests that are being stopped.
pub(super) struct Recorder {
    shared: Arc<Unrecorded>,
}

struct Unrecorded {
    /// None when the run has ended. Held while the record is written.
    what: Mutex<Option<(RunFolder, RunRecord)>>,
    changed: Condvar,
}

impl Recorder {
    pub(super) fn start(begun: &RunHandle, parts: &[String]) -> Self {
        let record = RunRecord { parts: parts.to_vec(), ..begun.record.clone() };
        let what = Mutex::new(Some((begun.folder.clone(), record)));
        let shared = Arc::new(Unrecorded { what, changed: Condvar::new() });
        let make = {
            let shared = Arc::clone(&shared);
            move || {
                let mut what = shared.what.lock();
                shared.changed.wait_while_for(&mut what, |what| what.is_some(), RECORDED_AFTER);
                if let Some((folder, record)) = what.take() {
                    write(&folder, &record);
                }
            }
        };
        // Without this thread, which only an overloaded system refuses, the run is in no list before its first checkpoint.
        let _ = thread::Builder::new().name("recorder".into()).spawn(make);
        Self { shared }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        *self.shared.what.lock() = None;
        self.shared.changed.notify_one();
    }
}

/// Keeps what the run needs to go on, or removes what it does not need any more.
pub(super) fn settle(begun: &RunHandle, end: &RunOutcome, entries: &Entries, (parts, rows): (Vec<String>, u64)) {
    let state = match end {
        RunOutcome::Done | RunOutcome::OutputClosed => RunState::Done,
        RunOutcome::Failed(_) | RunOutcome::TooManyRejects => RunState::Failed,
        RunOutcome::Interrupted(..) => RunState::Interrupted,
    };
    // Of a run that can go on everything stays. A checkpoint that could not be written is none.
    if state == RunState::Done || entries.remove() || !begun.folder.has_checkpoint() {
        ended(begun, state, rows);
    } else {
        write(&begun.folder, &RunRecord { parts, ..begun.record.clone() }.ended(state, rows));
    }
}

/// Why a run could not go on if it were stopped; none if it could.
fn unrepeatable(plan: &Plan) -> Option<&'static str> {
    let is_regular = |path: &Path| fs::metadata(path).map_or(true, |there| there.is_file());
    if outputs(plan).any(|spec| spec.location == SinkLocation::Stdout) {
        Some("it writes to the standard output")
    } else if plan.sources.iter().any(|source| source.files.is_empty()) {
        Some("it reads the standard input")
    } else if plan.sources.iter().any(|source| source.total_bytes.is_none()) {
        Some("it reads what is not a regular file")
    } else if outputs(plan).any(|spec| matches!(&spec.location, SinkLocation::Path(path) if !is_regular(path))) {
        Some("it writes to what is not a regular file")
    } else if outputs(plan)
        .any(|spec| matches!(&spec.location, SinkLocation::Path(path) if runs::canonical_path(path).to_str().is_none()))
    {
        Some("the path of an output is not UTF-8")
    } else {
        None
    }
}

/// Puts the outputs of a run in their places that had come to its end but for that.
pub(super) fn placed(begun: &RunHandle) -> Result<Option<Report>, RunStoreError> {
    let Some(checkpoint) = &begun.checkpoint else { return Ok(None) };
    let Some(places) = &checkpoint.finished else { return Ok(None) };
    for place in places {
        let (from, to) = (Path::new(&place.from), Path::new(&place.to));
        match fs::rename(from, to) {
            Ok(()) => sink::sync_folder(to),
            // It is in its place already.
            Err(error) if error.kind() == ErrorKind::NotFound && has_length(to, place.length) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let what = format!("{} is not there any more", from.display());
                return Err(RunStoreError::Corrupt { run: begun.id.to_string(), what });
            }
            Err(source) => return Err(RunStoreError::Io { action: "replace", path: to.to_owned(), source }),
        }
    }
    let report = checkpoint.report.clone();
    ended(begun, RunState::Done, report.rows_in);
    Ok(Some(report))
}

fn has_length(path: &Path, length: u64) -> bool {
    fs::metadata(path).is_ok_and(|there| there.is_file() && there.len() == length)
}

/// A run has ended that will not go on.
fn ended(begun: &RunHandle, state: RunState, rows: u64) {
    let record = RunRecord { parts: Vec::new(), ..begun.record.clone() }.ended(state, rows);
    write(&begun.folder, &record);
    if let Err(error) = begun.folder.clear() {
        tracing::warn!("what was kept of the run cannot be removed: {error}");
    }
}

/// Writes a run's record, without which it would only be missing in lists.
fn write(folder: &RunFolder, record: &RunRecord) {
    if let Err(error) = folder.record(record) {
        tracing::warn!("the run is not recorded: {error}");
    }
}

/// Makes known which files the run is going to write beside its outputs, before there are any. Those whose paths are no
/// text are left out; a run that writes one cannot go on anyway.
pub(super) fn announce(begun: &RunHandle, plan: &Plan) -> Vec<String> {
    let locations = outputs(plan).map(|spec| &spec.location);
    let parts =
        locations.filter_map(|location| sink::part_path(location, &begun.id)?.into_os_string().into_string().ok());
    let parts: Vec<_> = parts.collect();
    if let Err(error) = begun.folder.write_part_files(parts.clone()) {
        tracing::warn!("if this run is killed at once, it may leave files beside its outputs: {error}");
    }
    parts
}

/// What is written to, the rejected rows last.
fn outputs(plan: &Plan) -> impl Iterator<Item = &SinkSpec> {
    plan.sinks.iter().map(|sink| &sink.spec).chain(plan.rejects.iter().map(|rejects| &rejects.spec))
}
