//! Messages for people, on standard error.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};
use stillbox::CancelReason;
use stillbox::config::Diagnostics;
use stillbox::text::{escape_controls, folder_name};

use crate::ci;
use crate::exit_code::Exit;
use crate::output::console::{eprint, eprintln};
use crate::output::diagnostics::{self, Colour};
use crate::output::style::{ERROR, STATUS, WARNING};

/// Whether progress, status lines and summaries are left out.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Leaves out progress, status lines and summaries from now on, for `--quiet`.
pub(crate) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether the output of tools is shown.
static VERBOSE: AtomicBool = AtomicBool::new(false);

/// Shows the output of tools that build steps from now on, for `--verbose`.
pub(crate) fn be_verbose() {
    VERBOSE.store(true, Ordering::Relaxed);
}

/// Returns whether the output of tools that build steps is shown.
pub(crate) fn is_verbose() -> bool {
    VERBOSE.load(Ordering::Relaxed)
}

/// Returns whether progress, status lines and summaries are left out.
pub(crate) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Returns whether to print colours to standard error: it is a terminal, and variables such as `NO_COLOR` are not set.
pub(crate) fn is_coloured() -> bool {
    AutoStream::choice(&std::io::stderr()) != ColorChoice::Never
}

/// Returns whether standard error is a terminal.
pub(crate) fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Prints a status line, such as `Compiling steps/a.wasm`, unless the command is quiet.
pub(crate) fn status(verb: &str, object: &str) {
    if !is_quiet() {
        eprintln!("{STATUS}{verb:>10}{STATUS:#} {}", escape_controls(object));
    }
}

/// Prints that the folder of a step is being built, and in continuous integration a warning about it.
pub(crate) fn building(folder: &Path) {
    status("Building", &folder_name(folder));
    if let Some(text) = ci::build_warning(folder) {
        warning(&text);
    }
}

/// Prints a warning.
pub(crate) fn warning(text: &str) {
    eprintln!("{WARNING}warning{WARNING:#}: {}", escape_controls(text));
}

/// Prints an error message.
pub(crate) fn message(text: &str) {
    eprintln!("{ERROR}error{ERROR:#}: {}", escape_controls(text));
}

/// Prints why the command was cancelled, and returns its exit code.
pub(crate) fn cancelled(reason: CancelReason) -> Exit {
    eprintln!("{reason}");
    Exit::from_cancel(reason)
}

/// Prints the diagnostics of a pipeline file, with the locations marked.
pub(crate) fn diagnostics(diagnostics: &Diagnostics) {
    let colour = if is_coloured() { Colour::On } else { Colour::Off };
    eprint!("{}", diagnostics::render(diagnostics, colour));
}
