//! `stillbox pipe`.
//!
//! The steps become a pipeline file, which is read like any other: so nothing behaves otherwise than in a pipeline, and
//! `--print` gives a file to go on with.

mod steps;

use std::path::Path;
use std::time::Duration;

use anstream::print;
use stillbox::{Overrides, Pipeline, escape_controls_in_lines};

use super::args::{Global, Pipe};
use super::exit_code::Exit;
use super::render;
use super::run::{self, Running};
use super::signals::Signals;

/// What messages call the pipeline file that there is not.
const FILE: &str = "(the command line)";

/// Runs steps without a pipeline file.
pub(super) fn execute(arguments: &Pipe, global: &Global, signals: &Signals) -> Exit {
    let text = match steps::pipeline(arguments) {
        Ok(text) => text,
        Err(message) => {
            render::message(&message);
            return Exit::Usage;
        }
    };
    if arguments.print {
        print!("{}", escape_controls_in_lines(&text));
        return Exit::Done;
    }
    let overrides = Overrides {
        input: arguments.input.clone(),
        output: arguments.output.clone(),
        limit: arguments.limit.clone(),
        ..Overrides::default()
    };
    let pipeline = Pipeline::from_text(Path::new(FILE), &text).and_then(|pipeline| pipeline.with(&overrides));
    match pipeline {
        Ok(pipeline) => {
            let running = Running { threads: arguments.threads, progress: arguments.progress, ..Running::default() };
            run::drive(&pipeline, &running, global, (signals.interrupt_within(Duration::ZERO), signals.unfinished()))
        }
        Err(complaints) => {
            render::complaints(&complaints);
            Exit::Usage
        }
    }
}
