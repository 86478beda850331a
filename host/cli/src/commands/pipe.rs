//! `stillbox pipe`.
//!
//! The arguments are converted to a pipeline file, which is read like any other. So steps behave as in a pipeline, and
//! `--print` prints a file to edit and run.

mod steps;

use std::path::Path;
use std::time::Duration;

use stillbox::build::{BuildOptions, build_step};
use stillbox::component::StepKind;
use stillbox::inspection::inspect;
use stillbox::text::escape_controls_in_lines;
use stillbox::{Overrides, Pipeline};

use crate::args::{Global, Pipe};
use crate::commands::run::{self, Control, RunSettings};
use crate::directories::engine;
use crate::exit_code::Exit;
use crate::output::console;
use crate::output::failure;
use crate::output::render;
use crate::signals::Signals;
use steps::PipeRows;

/// The name of the generated pipeline file in messages.
const FILE: &str = "(the command line)";

/// Runs steps without a pipeline file.
pub(crate) fn execute(arguments: &Pipe, global: &Global, signals: &Signals) -> Exit {
    let interrupt = signals.interrupt_within(Duration::ZERO);
    let control = Control { interrupt, cleanup: signals.cleanup(), last_call: None };
    let rows = match rows(arguments, global, &control) {
        Ok(PipeRows::Made) if arguments.input.is_some() => {
            let step = steps::first(arguments);
            render::message(&format!("`{step}` is a source, which makes rows and reads none; leave out `--input`"));
            return Exit::Usage;
        }
        Ok(rows) => rows,
        Err(exit) => return exit,
    };
    let text = match steps::pipeline(arguments, rows) {
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

/// Returns whether the first step creates rows or reads them, according to its manifest. Build errors are reported here;
/// other errors of the step are reported by the pipeline.
fn rows(arguments: &Pipe, global: &Global, control: &Control) -> Result<PipeRows, Exit> {
    let (step, no_build) = (Path::new(steps::first(arguments)), arguments.no_build);
    let Control { interrupt, cleanup, .. } = control;
    let wasm = if step.is_dir() {
        let options = BuildOptions::new().interrupt(interrupt).cleanup(cleanup).rejected(no_build);
        if !no_build {
            render::building(step);
        }
        match build_step(step, options) {
            Ok(built) => built.wasm,
            Err(error) => {
                if let Some(reason) = interrupt.reason() {
                    return Err(render::cancelled(reason));
                }
                failure::error(&error);
                return Err(Exit::Usage);
            }
        }
    } else {
        step.to_owned()
    };
    let inspection = inspect(&engine(global, None, cleanup), &wasm, None, interrupt);
    Ok(if inspection.is_ok_and(|step| step.manifest.kind == StepKind::Source) {
        PipeRows::Made
    } else {
        PipeRows::Read
    })
}
