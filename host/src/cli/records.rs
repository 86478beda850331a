//! What a run tells machines: failures as lines of a file, and all that happens as lines on standard output.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use serde_json::{Value, json};
use stillbox::{Event, Failure, Report};

use super::messages::{Messages, line};

/// Writes records as they come. Every line is complete when it is written, whatever happens next.
pub(super) struct Records {
    failures: Mutex<Failures>,
    /// Where events go: standard output.
    events: Option<Messages>,
}

/// The file of failures. It replaces an earlier one, so it is not made before it is known that the pipeline leaves that
/// alone.
enum Failures {
    Unwanted,
    NotMade(PathBuf),
    Open(PathBuf, File),
    /// The first error. A disk that was full once would leave gaps, so nothing more is written.
    Lost(String),
}

impl Failures {
    /// Makes the file, if that has not been done.
    fn make(&mut self) {
        if let Self::NotMade(path) = self {
            let path = std::mem::take(path);
            *self = match File::create(&path) {
                Ok(file) => Self::Open(path, file),
                Err(error) => Self::lost(&path, &error),
            };
        }
    }

    /// Opens the file of a run that goes on. What it has told before stays.
    fn open(&mut self) {
        if let Self::NotMade(path) = self {
            let path = std::mem::take(path);
            *self = match File::options().create(true).append(true).open(&path) {
                Ok(file) => Self::Open(path, file),
                Err(error) => Self::lost(&path, &error),
            };
        }
    }

    fn write(&mut self, line: &str) {
        self.make();
        if let Self::Open(path, file) = self
            && let Err(error) = file.write_all(line.as_bytes())
        {
            *self = Self::lost(path, &error);
        }
    }

    fn lost(path: &Path, error: &io::Error) -> Self {
        let error = format!("cannot write to {}: {error}", path.display());
        tracing::warn!("failures are not recorded any more: {error}");
        Self::Lost(error)
    }
}

impl Records {
    /// Records go to this file, and if asked for, events to standard output.
    ///
    /// # Errors
    /// The file cannot be made, as far as that can be told without making it.
    pub(super) fn new(failures: Option<&Path>, events: bool) -> anyhow::Result<Self> {
        if let Some(path) = failures {
            could_be_made(path).with_context(|| format!("cannot write failures to {}", path.display()))?;
        }
        let failures = failures.map_or(Failures::Unwanted, |path| Failures::NotMade(path.to_owned()));
        Ok(Self { failures: Mutex::new(failures), events: events.then(Messages::default) })
    }

    /// Why failures or events could not be recorded, if that is so.
    pub(super) fn error(&self) -> Option<String> {
        match &*self.failures() {
            Failures::Lost(error) => Some(format!("the failures are not recorded: {error}")),
            _ => self.events.as_ref().and_then(Messages::error),
        }
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an event.
    pub(super) fn event(&self, event: &Event<'_>) {
        match event {
            Event::Resumed { .. } => self.failures().open(),
            Event::Started { .. } => self.failures().make(),
            Event::Rejected { failure } => self.write_failure(failure),
            _ => {}
        }
        if let (Some(events), Some(value)) = (&self.events, value_of(event)) {
            events.print(&value);
        }
    }

    /// Records a failure that ended the run.
    pub(super) fn failure(&self, failure: &Failure) {
        self.write_failure(failure);
        if let Some(events) = &self.events {
            events.print(&json!({ "event": "failure", "failure": failure }));
        }
    }

    /// Records the end of a run: `done`, `failed` or `interrupted`.
    pub(super) fn end(&self, status: &str, report: &Report) {
        if let Some(events) = &self.events {
            events.print(&json!({ "event": "finished", "status": status, "report": report }));
        }
    }

    fn write_failure(&self, failure: &Failure) {
        if let Ok(json) = serde_json::to_string(failure) {
            self.failures().write(&line(&json));
        }
    }
}

/// Whether a file can be written at a path: one that is there is opened and left as it is, for a new one there has to be
/// a folder. A pipe is not opened, since that might wait for its reader.
pub(super) fn could_be_made(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(there) if there.is_file() || there.is_dir() => File::options().write(true).open(path).map(drop),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            fs::metadata(folder).map(drop)
        }
        Err(error) => Err(error),
    }
}

fn value_of(event: &Event<'_>) -> Option<Value> {
    Some(match event {
        // Paths need not be UTF-8, which JSON has to be.
        Event::Building { folder } => json!({ "event": "building", "folder": folder.to_string_lossy() }),
        Event::Compiling { component } => json!({ "event": "compiling", "component": component.to_string_lossy() }),
        Event::Compiled { component, cached } => {
            json!({ "event": "compiled", "component": component.to_string_lossy(), "cached": cached })
        }
        Event::Resumed { run, rows } => json!({ "event": "resumed", "run": run, "rows": rows }),
        Event::Started { run, pipeline, steps, total_bytes } => json!({
            "event": "started", "run": run, "pipeline": pipeline, "steps": steps, "total_bytes": total_bytes,
        }),
        Event::Rejected { failure } => json!({ "event": "rejected", "failure": failure }),
        Event::Progress { report, bytes_read } => {
            json!({ "event": "progress", "rows_in": report.rows_in, "rejected": report.rejected(), "bytes_read": bytes_read })
        }
        _ => return None,
    })
}
