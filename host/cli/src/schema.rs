//! `stillbox schema`.

use super::console;
use super::exit_code::Exit;

/// Prints the JSON Schema of the pipeline file.
pub(super) fn execute() -> Exit {
    console::print(stillbox::PIPELINE_SCHEMA)
}
