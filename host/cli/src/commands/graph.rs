//! `stillbox graph`: a pipeline as a picture.

use crate::args::{Global, Graph, GraphFormat, MessageFormat};
use crate::commands::check::{CheckScope, outline};
use crate::exit_code::Exit;
use crate::output::console;
use crate::picture;
use crate::signals::Signals;

/// Checks the pipeline, and prints its picture.
pub(crate) fn execute(arguments: &Graph, global: &Global, signals: &Signals) -> Exit {
    let checks = CheckScope { changes: &arguments.changes, locked: false, format: MessageFormat::Human };
    let outline = match outline(&checks, global, signals) {
        Ok(outline) => outline,
        Err(exit) => return exit,
    };
    // Every format escapes its texts already.
    let picture = match arguments.format {
        GraphFormat::Mermaid => picture::mermaid(&outline),
        GraphFormat::Dot => picture::dot(&outline),
        GraphFormat::Svg => picture::svg(&outline),
    };
    console::print(&picture)
}
