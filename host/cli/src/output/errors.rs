//! What is wrong with what was asked for, for machines: an event `error` for each thing.

use std::error::Error;

use serde_json::{Value, json};
use stillbox::{ConfigError, ConfigLocation, Diagnostic, Diagnostics, Report};

use crate::output::messages::Messages;
use crate::output::records;
use crate::output::render;

/// Tells why a command does not begin, and that it has ended.
pub(crate) fn tell(errors: &[Value]) {
    let messages = Messages::default();
    for error in errors {
        messages.print(error);
    }
    messages.print(&records::finished(records::End::Failed, &Report::default()));
    if let Some(error) = messages.error() {
        render::message(&error);
    }
}

/// An error in words of our own.
pub(crate) fn of_message(text: &str) -> Value {
    json!({ "event": "error", "message": text })
}

/// An error and its causes.
pub(crate) fn of_error(error: &dyn Error) -> Value {
    let mut value = of_message(&error.to_string());
    let causes = render::causes(error);
    if !causes.is_empty() {
        value["causes"] = causes.into();
    }
    value
}

/// Why there is no pipeline.
pub(crate) fn of_config(error: &ConfigError) -> Vec<Value> {
    match error {
        ConfigError::Invalid(diagnostics) => from_diagnostics(diagnostics),
        ConfigError::Unreadable { file, .. } => {
            let mut value = of_error(error);
            value["file"] = file.to_string_lossy().into();
            vec![value]
        }
        other => vec![of_error(other)],
    }
}

/// All that is wrong with a pipeline, in the order in which people are told of it.
pub(crate) fn from_diagnostics(diagnostics: &Diagnostics) -> Vec<Value> {
    let mut errors: Vec<Value> =
        diagnostics.list.iter().map(|diagnostic| from_diagnostic(diagnostic, diagnostics)).collect();
    if diagnostics.omitted > 0 {
        let mut rest = of_message(&format!("and {} more", diagnostics.omitted));
        rest["file"] = diagnostics.file.to_string_lossy().into();
        errors.push(rest);
    }
    errors
}

fn from_diagnostic(diagnostic: &Diagnostic, all: &Diagnostics) -> Value {
    let mut value = of_message(&diagnostic.message);
    // Paths need not be UTF-8, which JSON has to be.
    let file = all.file.to_string_lossy();
    match &diagnostic.location {
        ConfigLocation::File => value["file"] = file.into(),
        ConfigLocation::Span(span) => {
            let [(line, column), (end_line, end_column)] = all.position(span);
            value["file"] = file.into();
            value["line"] = line.into();
            value["column"] = column.into();
            value["end_line"] = end_line.into();
            value["end_column"] = end_column.into();
        }
        ConfigLocation::Argument(argument) => value["argument"] = (&**argument).into(),
    }
    if let Some(label) = &diagnostic.label {
        value["label"] = label.as_str().into();
    }
    if !diagnostic.help.is_empty() {
        value["help"] = diagnostic.help.clone().into();
    }
    // All that is known of the failure is told in an event of its own.
    if let Some(failure) = &diagnostic.failure {
        value["kind"] = failure.kind.name().into();
        if let Some(step) = &failure.step {
            value["step"] = (&**step).into();
        }
    }
    value
}
