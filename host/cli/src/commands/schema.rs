//! `stillbox schema`.

use crate::exit_code::Exit;
use crate::output::console;

/// Prints the JSON Schema of the pipeline file.
pub(crate) fn execute() -> Exit {
    console::print(stillbox::config::PIPELINE_SCHEMA)
}
