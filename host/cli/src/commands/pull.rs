//! `stillbox pull`.

use std::time::Duration;

use stillbox::reference::Reference;
use stillbox::registry::Downloaded;

use super::build::copy;
use super::shared::{download, parse};
use crate::args::{Global, Pull};
use crate::directories::engine;
use crate::exit_code::Exit;
use crate::output::console;
use crate::output::failure;
use crate::signals::Signals;

/// Downloads the component, and prints its reference with the digest.
pub(crate) fn execute(arguments: &Pull, global: &Global, signals: &Signals) -> Exit {
    let interrupt = signals.interrupt_within(Duration::ZERO);
    let cleanup = signals.cleanup();
    let reference = match parse(&arguments.reference) {
        Ok(reference) => reference,
        Err(exit) => return exit,
    };
    let downloaded = match download(&engine(global, None, &cleanup), &reference, &interrupt, &cleanup) {
        Ok(downloaded) => downloaded,
        Err(exit) => return exit,
    };
    if let Some(out) = &arguments.out {
        let file = format!("{}.wasm", reference.short_name());
        let path = if out.is_dir() { out.join(file) } else { out.clone() };
        if let Err(error) = copy(&downloaded.path, &path) {
            let text = format!("cannot write the component to `{}`", path.display());
            failure::error(&*anyhow::Error::new(error).context(text));
            return Exit::Failed;
        }
    }
    console::print(&format!("{}\n", pinned(&arguments.reference, &downloaded)))
}

/// Returns the reference with its digest. That of a web server keeps its query, which may be needed.
fn pinned(written: &str, downloaded: &Downloaded) -> String {
    match &downloaded.pinned {
        Reference::Web(_) => {
            let url = written.split('#').next().unwrap_or(written);
            format!("{url}#sha256={}", downloaded.digest.digits())
        }
        other => other.to_string(),
    }
}
