//! `stillbox check`.

use std::time::Duration;

use stillbox::{Options, Outline, escape_controls_in_json, escape_controls_in_lines};

use super::args::{Changes, Check, Global};
use super::console;
use super::exit_code::Exit;
use super::run::{cache, open, report_error, show_preparation};
use super::signals::Signals;
use super::tree::tree;

/// Checks the pipeline, and prints its graph.
pub(super) fn execute(arguments: &Check, global: &Global, signals: &Signals) -> Exit {
    match outline(&arguments.changes, global, signals) {
        Ok(outline) if arguments.json => match serde_json::to_string_pretty(&outline) {
            Ok(json) => console::print(&format!("{}\n", escape_controls_in_json(&json))),
            Err(error) => {
                super::render::error(&error);
                Exit::Failed
            }
        },
        Ok(outline) => console::print(&escape_controls_in_lines(&tree(&outline))),
        Err(exit) => exit,
    }
}

/// The checked pipeline, or how the command ends when something is wrong with it, which is told.
pub(super) fn outline(changes: &Changes, global: &Global, signals: &Signals) -> Result<Outline, Exit> {
    let pipeline = open(changes, None)?;
    let options = Options {
        interrupt: signals.interrupt_within(Duration::ZERO),
        cache: Some(cache(global)),
        on_event: Some(std::sync::Arc::new(show_preparation)),
        ..Options::default()
    };
    pipeline.check(&options).map_err(|error| report_error(&error))
}
