//! `stillbox build`.

use stillbox::build::{BuildOptions, build_step};

use crate::args::Build;
use crate::exit_code::Exit;
use crate::output::console;
use crate::output::failure;
use crate::output::render;
use crate::signals::Signals;

/// Builds the folders one after the other, and prints each component's path.
pub(crate) fn execute(arguments: &Build, signals: &Signals) -> Exit {
    let interrupt = signals.interrupt();
    let cleanup = signals.cleanup();
    let mut exit = Exit::Done;
    for folder in &arguments.folders {
        if !folder.is_dir() {
            render::message(&format!("there is no folder `{}`", folder.display()));
            exit = Exit::Usage;
            continue;
        }
        render::status("Building", &folder.display().to_string());
        let options = BuildOptions::new().interrupt(&interrupt).cleanup(&cleanup);
        match build_step(folder, options) {
            Ok(built) => match console::print(&format!("{}\n", built.wasm.display())) {
                Exit::Done => {}
                failed => return failed,
            },
            Err(error) => {
                if let Some(reason) = interrupt.reason() {
                    return render::cancelled(reason);
                }
                failure::error(&error);
                exit = Exit::Usage;
            }
        }
    }
    exit
}
