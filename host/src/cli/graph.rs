//! `stillbox graph`: a pipeline as a picture.

mod describe;
mod dot;
mod layout;
mod mermaid;
mod svg;

use std::time::Duration;

use anstream::print;
use stillbox::Options;

use super::args::{Global, Graph, GraphFormat};
use super::exit_code::Exit;
use super::run::{cache, open, report_error, show_preparation};
use super::signals::Signals;

/// Checks the pipeline, and draws it.
pub(super) fn execute(arguments: &Graph, global: &Global, signals: &Signals) -> Exit {
    let pipeline = match open(&arguments.changes, None) {
        Ok(pipeline) => pipeline,
        Err(exit) => return exit,
    };
    let options = Options {
        interrupt: signals.interrupt_within(Duration::ZERO),
        cache: Some(cache(global)),
        on_event: Some(std::sync::Arc::new(show_preparation)),
        ..Options::default()
    };
    let outline = match pipeline.check(&options) {
        Ok(outline) => outline,
        Err(error) => return report_error(&error),
    };
    // None of them lets a text through as it is, so there is nothing left to escape.
    let picture = match arguments.format {
        GraphFormat::Mermaid => mermaid::draw(&outline),
        GraphFormat::Dot => dot::draw(&outline),
        GraphFormat::Svg => svg::draw(&outline),
    };
    print!("{picture}");
    Exit::Done
}
