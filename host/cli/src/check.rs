//! `stillbox check`.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use stillbox::{Failure, Outline, RunError, RunOptions, escape_controls_in_json, escape_controls_in_lines};

use super::args::{Changes, Check, Global, MessageFormat};
use super::exit_code::Exit;
use super::run::{engine, load, report_error, report_wrong, show_preparation};
use super::signals::Signals;
use super::tree::tree;
use super::{console, errors, render};

/// Checks the pipeline, and prints its graph.
pub(super) fn execute(arguments: &Check, global: &Global, signals: &Signals) -> Exit {
    let format = if arguments.json { MessageFormat::Json } else { MessageFormat::Human };
    match outline(&arguments.changes, global, signals, format) {
        Ok(outline) if arguments.json => print(&outline),
        Ok(outline) => console::print(&escape_controls_in_lines(&tree(&outline))),
        Err(exit) => exit,
    }
}

/// The checked pipeline, or how the command ends when something is wrong with it, which is told.
pub(super) fn outline(
    changes: &Changes,
    global: &Global,
    signals: &Signals,
    format: MessageFormat,
) -> Result<Outline, Exit> {
    let tell = |errors: Vec<Value>, failures: Vec<Failure>| {
        if format == MessageFormat::Json && !(errors.is_empty() && failures.is_empty()) {
            print(&json!({ "errors": errors, "failures": failures }));
        }
    };
    let pipeline = load(changes, None).map_err(|error| {
        tell(errors::of_config(&error), Vec::new());
        report_wrong(&error)
    })?;
    let options = RunOptions::new()
        .interrupt(&signals.interrupt_within(Duration::ZERO))
        .cleanup(&signals.cleanup())
        .on_event(show_preparation);
    pipeline.check(&engine(global, None), &options).map_err(|error| {
        let errors = match &error {
            RunError::Config(diagnostics) => errors::from_diagnostics(diagnostics),
            _ => Vec::new(),
        };
        tell(errors, error.failures());
        report_error(&error)
    })
}

fn print(value: &impl Serialize) -> Exit {
    match serde_json::to_string_pretty(value) {
        Ok(json) => console::print(&format!("{}\n", escape_controls_in_json(&json))),
        Err(error) => {
            render::error(&error);
            Exit::Failed
        }
    }
}
