//! Errors in the command line or the pipeline file, as JSON: one event `error` for each.

use std::error::Error;

use serde_json::{Value, json};
use stillbox::Report;
use stillbox::config::{ConfigError, ConfigLocation, Diagnostic, Diagnostics};

use crate::output::failure;
use crate::output::messages::MessageWriter;
use crate::output::records;
use crate::output::render;

/// Prints the errors that keep a command from starting, then the event `finished`.
pub(crate) fn print_errors(errors: &[Value]) {
    let messages = MessageWriter::default();
    for error in errors {
        messages.print(error);
    }
    messages.print(&records::finished(records::End::Failed, &Report::default()));
    if let Some(error) = messages.error() {
        render::message(&error);
    }
}

/// Creates an `error` event from a message.
pub(crate) fn from_message(text: &str) -> Value {
    json!({ "event": "error", "message": text })
}

/// Creates an `error` event from an error and its causes.
pub(crate) fn from_error(error: &dyn Error) -> Value {
    let mut value = from_message(&error.to_string());
    let causes = failure::causes(error);
    if !causes.is_empty() {
        value["causes"] = causes.into();
    }
    value
}

/// Creates the `error` events of a pipeline file that cannot be loaded.
pub(crate) fn from_config(error: &ConfigError) -> Vec<Value> {
    match error {
        ConfigError::Invalid(diagnostics) => from_diagnostics(diagnostics),
        ConfigError::Unreadable { file, .. } => {
            let mut value = from_error(error);
            value["file"] = file.to_string_lossy().into();
            vec![value]
        }
        other => vec![from_error(other)],
    }
}

/// Creates one `error` event for each diagnostic, in the order of the text output.
pub(crate) fn from_diagnostics(diagnostics: &Diagnostics) -> Vec<Value> {
    let mut errors: Vec<Value> =
        diagnostics.list.iter().map(|diagnostic| from_diagnostic(diagnostic, diagnostics)).collect();
    if diagnostics.omitted > 0 {
        let mut rest = from_message(&format!("and {} more", diagnostics.omitted));
        rest["file"] = diagnostics.file.to_string_lossy().into();
        errors.push(rest);
    }
    errors
}

fn from_diagnostic(diagnostic: &Diagnostic, all: &Diagnostics) -> Value {
    let mut value = from_message(&diagnostic.message);
    // JSON requires UTF-8, so invalid UTF-8 in paths is replaced.
    let file = all.file.to_string_lossy();
    match &diagnostic.location {
        ConfigLocation::Span(span) => {
            let [(line, column), (end_line, end_column)] = all.position(span);
            value["file"] = file.into();
            value["line"] = line.into();
            value["column"] = column.into();
            value["end_line"] = end_line.into();
            value["end_column"] = end_column.into();
        }
        ConfigLocation::Argument(argument) => value["argument"] = (&**argument).into(),
        _ => value["file"] = file.into(),
    }
    if !diagnostic.causes.is_empty() {
        value["causes"] = diagnostic.causes.clone().into();
    }
    if let Some(label) = &diagnostic.label {
        value["label"] = (&**label).into();
    }
    if !diagnostic.help.is_empty() {
        value["help"] = diagnostic.help.clone().into();
    }
    // The whole failure has an event of its own.
    if let Some(failure) = &diagnostic.failure {
        value["kind"] = failure.kind.name().into();
        if let Some(step) = &failure.step {
            value["step"] = (&**step).into();
        }
    }
    value
}
