//! JSON output of a run: failures as lines of a file, and events as lines of standard output.

mod failures;

use std::path::Path;

use anyhow::Context as _;
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use stillbox::model::WaitingBatch;
use stillbox::{CancelReason, Event, Failure, GuestMessage, Report, Snapshot};

use crate::ci;
use crate::output::guest;
use crate::output::messages::{MessageWriter, line};
use failures::Failures;
pub(crate) use failures::{could_be_made, is_stdout};

/// Writes records immediately. Each line is written whole, so that it is complete even if the process is killed later.
pub(crate) struct Records {
    failures: Mutex<Failures>,
    /// Writes events to standard output. `None` without `--message-format json`.
    events: Option<MessageWriter>,
}

impl Records {
    /// Creates the writer of failures to this file, and of events to standard output if `events` is set.
    ///
    /// # Errors
    /// The file cannot be created, as far as that can be determined without creating it.
    pub(crate) fn new(failures: Option<&Path>, events: bool) -> anyhow::Result<Self> {
        if let Some(path) = failures {
            could_be_made(path).with_context(|| format!("cannot write failures to {}", path.display()))?;
        }
        let failures = failures.map_or(Failures::Unwanted, |path| Failures::NotMade(path.to_owned()));
        Ok(Self { failures: Mutex::new(failures), events: events.then(MessageWriter::default) })
    }

    /// Returns the reason that failures or events are missing, or `None` if all were recorded.
    pub(crate) fn error(&self) -> Option<String> {
        match &*self.failures() {
            Failures::Lost(error) => Some(format!("the failures are not recorded: {error}")),
            _ => self.events.as_ref().and_then(MessageWriter::error),
        }
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock()
    }

    /// Records an event.
    pub(crate) fn event(&self, event: &Event<'_>) {
        match event {
            Event::Resumed { .. } => self.failures().keep(),
            Event::Started { .. } => self.failures().make(),
            Event::Rejected { failure, .. } => self.write_failure(failure),
            _ => {}
        }
        if let (Some(events), Some(value)) = (&self.events, value_of(event)) {
            events.print(&value);
            if let Event::Building { folder, .. } = event
                && let Some(message) = ci::build_warning(folder)
            {
                events.print(&json!({ "event": "warning", "message": message }));
            }
        }
    }

    /// Records errors in the command line or the pipeline file. Errors of a step or an input are recorded as failures.
    pub(crate) fn errors(&self, errors: &[Value]) {
        if let Some(events) = &self.events {
            for error in errors {
                events.print(error);
            }
        }
    }

    /// Appends failures to the file instead of replacing it, because another run may be using it.
    pub(crate) fn keep_earlier(&self) {
        self.failures().keep();
    }

    /// Records a failure that ended the run.
    pub(crate) fn failure(&self, failure: &Failure) {
        self.write_failure(failure);
        if let Some(events) = &self.events {
            events.print(&json!({ "event": "failure", "failure": failure }));
        }
    }

    /// Records what the threads of the run do, because a signal has asked for it.
    pub(crate) fn snapshot(&self, signal: &str, snapshot: &Snapshot) {
        if let Some(events) = &self.events {
            let mut event = json!({ "event": "snapshot", "signal": signal, "threads": snapshot.threads });
            if snapshot.omitted > 0 {
                event["omitted"] = snapshot.omitted.into();
            }
            events.print(&event);
        }
    }

    /// Records a message that a step has logged, or a line that it has written.
    pub(crate) fn output(&self, message: &GuestMessage<'_>) {
        if let Some(events) = &self.events {
            events.print(&guest::event(message));
        }
    }

    /// Records the end of a run.
    pub(crate) fn end(&self, how: End<'_>, report: &Report) {
        if let Some(events) = &self.events {
            events.print(&finished(how, report));
        }
    }

    fn write_failure(&self, failure: &Failure) {
        if let Ok(json) = serde_json::to_string(failure) {
            self.failures().write(&line(&json));
        }
    }
}

/// The end of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End<'a> {
    Done,
    Failed,
    Waiting(&'a [WaitingBatch]),
    Interrupted(CancelReason),
}

/// Creates the last event of a run, with its status and its report.
pub(crate) fn finished(how: End<'_>, report: &Report) -> Value {
    match how {
        End::Done => json!({ "event": "finished", "status": "done", "report": report }),
        End::Failed => json!({ "event": "finished", "status": "failed", "report": report }),
        End::Waiting(batches) => {
            json!({ "event": "finished", "status": "waiting", "batches": batches, "report": report })
        }
        End::Interrupted(reason) => {
            let mut value = json!({ "event": "finished", "status": "interrupted", "report": report });
            if let Some(signal) = reason.signal() {
                value["signal"] = signal.name().into();
            }
            value
        }
    }
}

fn value_of(event: &Event<'_>) -> Option<Value> {
    Some(match event {
        // JSON requires UTF-8, so invalid UTF-8 in paths is replaced.
        Event::Building { folder, .. } => json!({ "event": "building", "folder": folder.to_string_lossy() }),
        Event::Downloading { reference, .. } => json!({ "event": "downloading", "reference": reference }),
        Event::Compiling { component, .. } => json!({ "event": "compiling", "component": component.to_string_lossy() }),
        Event::Compiled { component, cached, .. } => {
            json!({ "event": "compiled", "component": component.to_string_lossy(), "cached": cached })
        }
        Event::Resumed { run, rows, .. } => json!({ "event": "resumed", "run": run, "rows": rows }),
        Event::Started { run, pipeline, steps, total_bytes, .. } => json!({
            "event": "started", "run": run, "pipeline": pipeline, "steps": steps, "total_bytes": total_bytes,
        }),
        Event::Warning { message, .. } => json!({ "event": "warning", "message": message }),
        Event::Rejected { failure, .. } => json!({ "event": "rejected", "failure": failure }),
        Event::Progress { report, bytes_read, .. } => {
            let (rows_in, rejected) = (report.rows_in, report.rejected());
            let mut value =
                json!({ "event": "progress", "rows_in": rows_in, "rejected": rejected, "bytes_read": bytes_read });
            if !report.models.is_empty() {
                value["models"] = json!(report.models);
            }
            if let Some(until) = &report.until {
                value["until"] = json!(until);
            }
            value
        }
        _ => return None,
    })
}
