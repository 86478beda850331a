//! What a run tells machines: failures as lines of a file, and all that happens as lines on standard output.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use serde_json::{Value, json};
use stillbox::{Event, Failure, Report, escape_controls_in_json};

/// Writes records as they come. Every line is complete when it is written, whatever happens next.
pub(super) struct Records {
    failures: Option<Mutex<File>>,
    /// Whether events go to standard output.
    events: bool,
}

impl Records {
    /// Records go to this file, and if asked for, events to standard output.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(super) fn new(failures: Option<&Path>, events: bool) -> anyhow::Result<Self> {
        let create =
            |path: &Path| File::create(path).with_context(|| format!("cannot write failures to {}", path.display()));
        let failures = failures.map(create).transpose()?.map(Mutex::new);
        Ok(Self { failures, events })
    }

    /// Records an event.
    pub(super) fn event(&self, event: &Event<'_>) {
        if let Event::Rejected { failure } = event {
            self.write_failure(failure);
        }
        if self.events
            && let Some(value) = value_of(event)
        {
            print(&value);
        }
    }

    /// Records a failure that ended the run.
    pub(super) fn failure(&self, failure: &Failure) {
        self.write_failure(failure);
        if self.events {
            print(&json!({ "event": "failure", "failure": failure }));
        }
    }

    /// Records the end of a run: `done`, `failed` or `interrupted`.
    pub(super) fn end(&self, status: &str, report: &Report) {
        if self.events {
            print(&json!({ "event": "finished", "status": status, "report": report }));
        }
    }

    fn write_failure(&self, failure: &Failure) {
        let Some(file) = &self.failures else { return };
        let Ok(json) = serde_json::to_string(failure) else { return };
        let line = line(&json);
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(line.as_bytes()) {
            tracing::warn!("a failure could not be recorded: {error}");
        }
    }
}

fn value_of(event: &Event<'_>) -> Option<Value> {
    Some(match event {
        Event::Building { folder } => json!({ "event": "building", "folder": folder }),
        Event::Compiling { component } => json!({ "event": "compiling", "component": component }),
        Event::Compiled { component, cached } => {
            json!({ "event": "compiled", "component": component, "cached": cached })
        }
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

/// A line on standard output. Whoever reads it may have gone; the run does not depend on that.
fn print(value: &Value) {
    let _ = io::stdout().lock().write_all(line(&value.to_string()).as_bytes());
}

/// A line that may be shown on a terminal, whatever a guest has said.
fn line(json: &str) -> String {
    let mut line = escape_controls_in_json(json).into_owned();
    line.push('\n');
    line
}
