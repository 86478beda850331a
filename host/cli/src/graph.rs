//! `stillbox graph`: a pipeline as a picture.

mod describe;
mod dot;
mod layout;
mod mermaid;
mod svg;

use super::args::{Global, Graph, GraphFormat, MessageFormat};
use super::check::outline;
use super::console;
use super::exit_code::Exit;
use super::signals::Signals;

/// Checks the pipeline, and draws it.
pub(super) fn execute(arguments: &Graph, global: &Global, signals: &Signals) -> Exit {
    let outline = match outline(&arguments.changes, global, signals, MessageFormat::Human) {
        Ok(outline) => outline,
        Err(exit) => return exit,
    };
    // None of them lets a text through as it is, so there is nothing left to escape.
    let picture = match arguments.format {
        GraphFormat::Mermaid => mermaid::draw(&outline),
        GraphFormat::Dot => dot::draw(&outline),
        GraphFormat::Svg => svg::draw(&outline),
    };
    console::print(&picture)
}
