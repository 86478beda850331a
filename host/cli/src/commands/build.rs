//! `stillbox build`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use stillbox::Event;
use stillbox::build::{BuildOptions, build_step};
use stillbox::inspection::{InspectError, inspect};

use crate::args::{Build, Global};
use crate::directories::engine;
use crate::exit_code::Exit;
use crate::output::console;
use crate::output::failure;
use crate::output::progress::show_preparation;
use crate::output::render;
use crate::signals::Signals;

/// Builds the folders one after the other, and prints each component's path.
pub(crate) fn execute(arguments: &Build, global: &Global, signals: &Signals) -> Exit {
    let interrupt = signals.interrupt();
    let cleanup = signals.cleanup();
    let mut exit = Exit::Done;
    let current = [PathBuf::from(".")];
    let folders = if arguments.folders.is_empty() { &current[..] } else { &arguments.folders };
    for folder in folders {
        if !folder.is_dir() {
            render::message(&format!("there is no folder `{}`", folder.display()));
            exit = Exit::Usage;
            continue;
        }
        show_preparation(&Event::building(folder));
        let check = |file: &Path, shown: &Path| {
            inspect(&engine(global, None, &cleanup), file, None, &interrupt).map(drop).map_err(|error| match error {
                InspectError::Component(mut error) => {
                    shown.clone_into(&mut error.path);
                    error.into()
                }
                error => error.into(),
            })
        };
        let options = BuildOptions::new().interrupt(&interrupt).cleanup(&cleanup).on_event(&show_preparation);
        match build_step(folder, options.check(&check)) {
            Ok(built) => match place(&built.wasm, arguments) {
                Ok(path) => match console::print(&format!("{}\n", path.display())) {
                    Exit::Done => {}
                    failed => return failed,
                },
                Err((path, error)) => {
                    let text = format!("cannot write the component to `{}`", path.display());
                    failure::error(&*anyhow::Error::new(error).context(text));
                    exit = Exit::Usage;
                }
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

/// Copies a component to the place that `--out` names, if it does, and returns its path. A file there is replaced as a whole.
fn place(wasm: &Path, arguments: &Build) -> Result<PathBuf, (PathBuf, io::Error)> {
    let Some(out) = &arguments.out else { return Ok(wasm.to_owned()) };
    let is_folder = out.is_dir() || arguments.folders.len() > 1;
    let path = if is_folder { out.join(wasm.file_name().unwrap_or_default()) } else { out.clone() };
    copy(wasm, &path).map_err(|error| (path.clone(), error))?;
    Ok(path)
}

/// Copies a component. A file at the path is replaced as a whole.
pub(super) fn copy(wasm: &Path, path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut copy = tempfile::Builder::new().prefix(".stillbox-").tempfile_in(folder)?;
    io::copy(&mut fs::File::open(wasm)?, &mut copy)?;
    fs::set_permissions(copy.path(), fs::metadata(wasm)?.permissions())?;
    // Unlike `persist`, on Windows this replaces a file that is open.
    let (_, made) = copy.keep().map_err(|error| error.error)?;
    fs::rename(&made, path).inspect_err(|_| drop(fs::remove_file(&made)))
}
