//! `stillbox check`.

mod models;

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use stillbox::model::{ModelEstimate, ModelProbe, ProbeError};
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
use crate::output::render;
use crate::output::tree::tree;
use crate::signals::Signals;

/// Checks the pipeline, and prints its graph, and what is known about its models.
pub(crate) fn execute(arguments: &Check, global: &Global, signals: &Signals) -> Exit {
    let format = if arguments.json { MessageFormat::Json } else { MessageFormat::Human };
    let checks = CheckScope { changes: &arguments.changes, locked: arguments.locked, format };
    let models = ModelChecks { probe: arguments.probe, sample: arguments.estimate };
    match checked(&checks, models, global, signals) {
        Ok(checked) if arguments.json => {
            models::in_json(&checked).map_or_else(|error| failed(&error), |value| checked.exit(print(&value)))
        }
        Ok(checked) => {
            let exit = console::print(&(tree(&checked.outline) + &models::text(&checked)));
            checked.errors().for_each(failure::probe_error);
            checked.exit(exit)
        }
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

/// The checks of models.
#[derive(Debug, Clone, Copy, Default)]
struct ModelChecks {
    /// Whether each model gets a short request.
    probe: bool,
    /// The rows of each source from which their use is estimated. `None` for no estimate.
    sample: Option<u32>,
}

/// A checked pipeline.
struct Checked {
    outline: Outline,
    /// `None` if no model was asked.
    probes: Option<Vec<ModelProbe>>,
    estimate: Option<ModelEstimate>,
}

impl Checked {
    /// The errors of models that no step can use.
    fn errors(&self) -> impl Iterator<Item = &ProbeError> {
        self.probes.iter().flatten().filter_map(|probe| probe.error.as_ref())
    }

    /// Returns the exit of a command that ends with this one if all models can be used.
    fn exit(&self, exit: Exit) -> Exit {
        if exit == Exit::Done && self.errors().next().is_some() { Exit::Failed } else { exit }
    }
}

/// Returns the checked pipeline. On failure, prints the errors and returns the exit code.
pub(crate) fn outline(checks: &CheckScope<'_>, global: &Global, signals: &Signals) -> Result<Outline, Exit> {
    checked(checks, ModelChecks::default(), global, signals).map(|checked| checked.outline)
}

fn checked(checks: &CheckScope<'_>, models: ModelChecks, global: &Global, signals: &Signals) -> Result<Checked, Exit> {
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
    if (models.probe || models.sample.is_some()) && !pipeline.has_models() {
        let message = "the pipeline has no [[model]]; leave out `--probe` and `--estimate`";
        print_errors(vec![errors::from_message(message)], Vec::new());
        render::message(message);
        return Err(Exit::Usage);
    }
    let engine = engine(global, None, &signals.cleanup());
    let report = |error: RunError| {
        let errors = match &error {
            RunError::Config(diagnostics) => errors::from_diagnostics(diagnostics),
            _ => Vec::new(),
        };
        print_errors(errors, error.failures());
        report_error(&error)
    };
    let outline = pipeline.check(&engine, &options).map_err(report)?;
    // The plans that follow have the same events.
    let options = options.on_event(|_| ());
    let probes = models.probe.then(|| pipeline.probe_models(&engine, &options)).transpose().map_err(report)?;
    let estimate = models.sample.map(|rows| pipeline.estimate_models(&engine, &options, rows as usize));
    Ok(Checked { outline, probes, estimate: estimate.transpose().map_err(report)? })
}

fn failed(error: &serde_json::Error) -> Exit {
    failure::error(error);
    Exit::Failed
}

fn print(value: &impl Serialize) -> Exit {
    match serde_json::to_string_pretty(value) {
        Ok(json) => console::print(&format!("{}\n", escape_controls_in_json(&json))),
        Err(error) => failed(&error),
    }
}
