//! `stillbox check`.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use stillbox::outline::Outline;
use stillbox::text::escape_controls_in_json;
use stillbox::{Failure, Overrides, RunError, RunOptions};

use crate::args::{Changes, Check, Global, MessageFormat};
use crate::commands::run::{LockCheck, load, report_error, report_wrong, with_lock};
use crate::directories::engine;
use crate::exit_code::Exit;
use crate::output::console;
use crate::output::errors;
use crate::output::failure;
use crate::output::progress::show_preparation;
use crate::output::tree::tree;
use crate::signals::Signals;

/// Checks the pipeline, and prints its graph.
pub(crate) fn execute(arguments: &Check, global: &Global, signals: &Signals) -> Exit {
    let format = if arguments.json { MessageFormat::Json } else { MessageFormat::Human };
    let checks = CheckScope { changes: &arguments.changes, locked: arguments.locked, format };
    match outline(&checks, global, signals) {
        Ok(outline) if arguments.json => print(&outline),
        Ok(outline) => console::print(&tree(&outline)),
        Err(exit) => exit,
    }
}

/// The extent of a check.
pub(crate) struct CheckScope<'a> {
    pub(crate) changes: &'a Changes,
    /// Whether the steps are compared with the lock of the pipeline.
    pub(crate) locked: bool,
    pub(crate) format: MessageFormat,
}

/// Returns the checked pipeline. On failure, prints the errors and returns the exit code.
pub(crate) fn outline(checks: &CheckScope<'_>, global: &Global, signals: &Signals) -> Result<Outline, Exit> {
    let CheckScope { changes, locked, format } = *checks;
    let print_errors = |errors: Vec<Value>, failures: Vec<Failure>| {
        if format == MessageFormat::Json && !(errors.is_empty() && failures.is_empty()) {
            print(&json!({ "errors": errors, "failures": failures }));
        }
    };
    let pipeline = load(changes, Overrides::new()).map_err(|error| {
        print_errors(errors::from_config(&error), Vec::new());
        report_wrong(&error)
    })?;
    let options = RunOptions::new()
        .no_build(changes.no_build)
        .interrupt(&signals.interrupt_within(Duration::ZERO))
        .cleanup(&signals.cleanup())
        .on_event(show_preparation);
    let options =
        with_lock(options, &pipeline, if locked { LockCheck::On } else { LockCheck::Off }).map_err(|error| {
            print_errors(vec![errors::from_error(&error)], Vec::new());
            failure::error(&error);
            Exit::Usage
        })?;
    pipeline.check(&engine(global, None, &signals.cleanup()), &options).map_err(|error| {
        let errors = match &error {
            RunError::Config(diagnostics) => errors::from_diagnostics(diagnostics),
            _ => Vec::new(),
        };
        print_errors(errors, error.failures());
        report_error(&error)
    })
}

fn print(value: &impl Serialize) -> Exit {
    match serde_json::to_string_pretty(value) {
        Ok(json) => console::print(&format!("{}\n", escape_controls_in_json(&json))),
        Err(error) => {
            failure::error(&error);
            Exit::Failed
        }
    }
}
