//! `stillbox pipe`.
//!
//! The arguments are converted to a pipeline file, which is read like any other. So steps behave as in a pipeline, and
//! `--print` prints a file to edit and run.

mod models;
mod steps;
mod values;

use std::path::Path;
use std::time::Duration;

use stillbox::component::StepKind;
use stillbox::config::models_from_arguments;
use stillbox::inspection::{Inspection, inspect};
use stillbox::reference::Reference;
use stillbox::text::escape_controls_in_lines;
use stillbox::{Overrides, Pipeline};

use crate::args::{Global, Pipe};
use crate::commands::run::{self, Control, RunSettings};
use crate::commands::shared;
use crate::directories::engine;
use crate::exit_code::Exit;
use crate::output::console;
use crate::output::render;
use crate::output::spinner;
use crate::signals::Signals;
use steps::{PipeModels, PipeRows};

/// The name of the generated pipeline file in messages.
const FILE: &str = "(the command line)";

/// Runs steps without a pipeline file.
pub(crate) fn execute(arguments: &Pipe, global: &Global, signals: &Signals) -> Exit {
    let interrupt = signals.interrupt_within(Duration::ZERO);
    let (cleanup, snapshots) = (signals.cleanup(), signals.snapshots());
    let control = Control { interrupt, cleanup, snapshots, last_call: None };
    let (rows, models) = match described(arguments, global, &control) {
        Ok(described) => described,
        Err(exit) => return exit,
    };
    if rows == PipeRows::Made && arguments.input.is_some() {
        let step = steps::components(arguments).next().unwrap_or_default();
        render::message(&format!("`{step}` is a source, which makes rows and reads none; leave out `--input`"));
        return Exit::Usage;
    }
    let text = match steps::pipeline(arguments, rows, &models) {
        Ok(text) => text,
        Err(message) => {
            render::message(&message);
            return Exit::Usage;
        }
    };
    if arguments.print {
        return console::print(&escape_controls_in_lines(&text));
    }
    let mut overrides = Overrides::new();
    overrides.limit.clone_from(&arguments.limit);
    let policy = match arguments.allow.policy() {
        Ok(policy) => policy,
        Err(error) => return run::report_wrong(&error),
    };
    let pipeline = Pipeline::from_text(Path::new(FILE), &text).and_then(|pipeline| pipeline.with(&overrides));
    match pipeline {
        Ok(mut pipeline) => {
            if let Some(policy) = policy {
                pipeline = pipeline.policy(policy);
            }
            let settings = RunSettings {
                threads: arguments.threads,
                progress: arguments.progress,
                no_build: arguments.no_build,
                show_output: arguments.show.show_output,
                ..RunSettings::default()
            };
            run::drive(&pipeline, &settings, global, control)
        }
        Err(diagnostics) => {
            render::diagnostics(&diagnostics);
            Exit::Usage
        }
    }
}

/// Returns whether the first step creates rows or reads them, and the models of `--set-model` with the steps that ask them. Build errors
/// are reported here; other errors of a step are reported by the pipeline.
fn described(arguments: &Pipe, global: &Global, control: &Control) -> Result<(PipeRows, PipeModels), Exit> {
    let models = models_from_arguments(&arguments.set_model).map_err(|diagnostics| {
        render::diagnostics(&diagnostics);
        Exit::Usage
    })?;
    let (mut rows, mut asking, mut is_known) = (PipeRows::Read, Vec::new(), true);
    for (index, step) in steps::components(arguments).enumerate() {
        if index > 0 && models.is_empty() {
            break;
        }
        let Some(inspection) = inspected(Path::new(step), arguments.no_build, global, control)? else {
            is_known = false;
            continue;
        };
        if index == 0 && inspection.manifest.kind == StepKind::Source {
            rows = PipeRows::Made;
        }
        if inspection.asks_models() {
            asking.push(index);
        }
    }
    if models.is_empty() {
        asking.clear();
    } else if asking.is_empty() && is_known {
        render::message("no step asks a model; leave out `--set-model`");
        return Err(Exit::Usage);
    }
    Ok((rows, PipeModels { models, asking }))
}

/// Returns the description of a step, which is built if it is a folder. Returns `None` if it is not a step.
fn inspected(step: &Path, no_build: bool, global: &Global, control: &Control) -> Result<Option<Inspection>, Exit> {
    let Control { interrupt, cleanup, .. } = control;
    let engine = engine(global, None, cleanup);
    let wasm = if let Some(text) = step.to_str().filter(|text| Reference::is_meant(text)) {
        // The pipeline reports what is wrong with it.
        let downloaded = engine.pull_pinned(text, &shared::options(interrupt, cleanup)).ok();
        spinner::stop();
        let Some(downloaded) = downloaded else { return Ok(None) };
        downloaded.path
    } else {
        shared::file(step, no_build, &engine, (interrupt, cleanup))?
    };
    Ok(inspect(&engine, &wasm, None, interrupt).ok())
}
