//! `stillbox compile-component`: the process in which other commands compile a component.

use stillbox::component::compile_from_stdin;

use crate::args::CompileComponent;
use crate::exit_code::Exit;
use crate::output::failure;

pub(crate) fn execute(arguments: &CompileComponent) -> Exit {
    match compile_from_stdin(&arguments.settings, &arguments.memory, &arguments.time) {
        Ok(()) => Exit::Done,
        Err(error) => {
            failure::error(&error);
            Exit::Failed
        }
    }
}
