//! Components that commands take by reference.

use std::path::{Path, PathBuf};

use stillbox::build::{BuildOptions, build_step};
use stillbox::reference::Reference;
use stillbox::registry::{Downloaded, RegistryError, TransferOptions};
use stillbox::{CleanupRegistry, Engine, Interrupt};

use crate::exit_code::Exit;
use crate::output::failure;
use crate::output::progress::show_preparation;
use crate::output::render;
use crate::output::spinner;

/// Returns whether an argument is meant as a reference.
pub(super) fn is_reference(path: &Path) -> bool {
    path.to_str().is_some_and(Reference::is_meant)
}

/// Parses a reference. Prints what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Reference, Exit> {
    Reference::parse(text).map_err(|problem| {
        render::message(&format!("`{text}`: {problem}"));
        Exit::Usage
    })
}

/// Returns the settings of a download or upload.
pub(super) fn options(interrupt: &Interrupt, cleanup: &CleanupRegistry) -> TransferOptions {
    TransferOptions::new().interrupt(interrupt).cleanup(cleanup).on_event(show_preparation)
}

/// Downloads a component. Prints why it cannot be.
pub(super) fn download(
    engine: &Engine,
    reference: &Reference,
    interrupt: &Interrupt,
    cleanup: &CleanupRegistry,
) -> Result<Downloaded, Exit> {
    let downloaded = engine.pull(reference, &options(interrupt, cleanup));
    spinner::stop();
    downloaded.map_err(|error| failed(&error, interrupt))
}

/// Prints why a download or upload has failed.
pub(super) fn failed(error: &RegistryError, interrupt: &Interrupt) -> Exit {
    // After a signal, errors are only a consequence of it.
    if let Some(reason) = interrupt.reason() {
        return render::cancelled(reason);
    }
    failure::error_with_hints(error, &error.help());
    Exit::Failed
}

/// Returns the file of a step that is given as a folder, which is built, as a reference, or as a file.
pub(super) fn file(
    step: &Path,
    no_build: bool,
    engine: &Engine,
    (interrupt, cleanup): (&Interrupt, &CleanupRegistry),
) -> Result<PathBuf, Exit> {
    if is_reference(step) {
        let reference = parse(&step.to_string_lossy())?;
        return Ok(download(engine, &reference, interrupt, cleanup)?.path);
    }
    if !step.is_dir() {
        return Ok(step.to_owned());
    }
    let options = BuildOptions::new().interrupt(interrupt).cleanup(cleanup).rejected(no_build);
    if !no_build {
        render::building(step);
    }
    build_step(step, options.on_event(&show_preparation)).map(|built| built.wasm).map_err(|error| {
        if let Some(reason) = interrupt.reason() {
            return render::cancelled(reason);
        }
        failure::error(&error);
        Exit::Usage
    })
}

/// Returns the error of a reference where a file is needed.
pub(super) fn file_needed(option: &str, component: Option<&Path>) -> Option<String> {
    let component = component.filter(|component| is_reference(component))?.display();
    Some(format!("`{option}` takes a file: download it with `stillbox pull {component} --out FILE.wasm`"))
}
