//! Messages for people, on standard error.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write as _;
use std::io::IsTerminal as _;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use stillbox::config::Diagnostics;
use stillbox::text::{escape_controls, escape_controls_in_lines};
use stillbox::{Failure, FailureKind, Signal};

use crate::output::console::{eprint, eprintln};
use crate::output::diagnostics::{self, Colour};

pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const STATUS: Style = AnsiColor::Green.on_default().bold();
pub(crate) const NOTE: Style = AnsiColor::Cyan.on_default();
pub(crate) const BOLD: Style = Style::new().bold();

/// Returns whether to print colours to standard error: it is a terminal, and variables such as `NO_COLOR` are not set.
pub(crate) fn is_coloured() -> bool {
    AutoStream::choice(&std::io::stderr()) != ColorChoice::Never
}

/// Returns whether standard error is a terminal.
pub(crate) fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Prints a status line, such as `Compiling steps/a.wasm`.
pub(crate) fn status(verb: &str, object: &str) {
    eprintln!("{STATUS}{verb:>10}{STATUS:#} {}", escape_controls(object));
}

/// Prints an error message.
pub(crate) fn message(text: &str) {
    eprintln!("{ERROR}error{ERROR:#}: {}", escape_controls(text));
}

/// Prints an error and its causes, one per line.
pub(crate) fn error(error: &dyn Error) {
    eprintln!("{ERROR}error{ERROR:#}: {}", escape_controls_in_lines(&error.to_string()));
    for cause in causes(error) {
        eprintln!("  {NOTE}because{NOTE:#}: {}", escape_controls(&cause));
    }
}

/// Prints that a signal stopped the command.
pub(crate) fn stopped(signal: Signal) {
    eprintln!("stopped by {}", signal.name());
}

/// Returns the causes of an error, starting with the direct cause.
pub(crate) fn causes(error: &dyn Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    causes
}

/// Prints the diagnostics of a pipeline file, with the locations marked.
pub(crate) fn diagnostics(diagnostics: &Diagnostics) {
    let colour = if is_coloured() { Colour::On } else { Colour::Off };
    eprint!("{}", diagnostics::render(diagnostics, colour));
}

/// Prints a failure: its message, its location, then its causes.
pub(crate) fn failure(failure: &Failure) {
    eprint!("{}", failure_text(failure));
}

/// Returns a failure as text of several lines, with styles.
pub(crate) fn failure_text(failure: &Failure) -> String {
    let mut out = String::new();
    let style = ERROR;
    let step = failure
        .step
        .as_ref()
        .map_or_else(String::new, |step| format!(" in step {BOLD}{}{BOLD:#}", escape_controls(step)));
    // One kind covers the input, the output and Stillbox; the message names which of them failed.
    let kind = if failure.kind == FailureKind::Host { "error" } else { failure.kind.name() };
    let _ = writeln!(out, "{style}{kind}{style:#}{step}: {}", escape_controls_in_lines(&failure.message));
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "  {NOTE}{name}{NOTE:#}: {}", escape_controls(text));
    };
    if let Some(row) = failure.row.as_ref().or(failure.first_row.as_ref()) {
        let place = row.to_string();
        let is_in_message = failure.message.starts_with(&place);
        match (failure.batch, &failure.row) {
            (Some(batch), Some(_)) => line("at", &format!("{place} (batch {batch})")),
            (Some(batch), None) => line("in", &format!("batch {batch}, which begins at {place}")),
            (None, _) if is_in_message => {}
            (None, _) => line("at", &place),
        }
    } else if let Some(batch) = failure.batch {
        line("in", &format!("batch {batch}"));
    }
    if let Some(location) = &failure.location {
        line("source", &location.to_string());
    }
    if let Some(code) = failure.code.as_ref().filter(|code| **code != failure.message && !failure.causes.contains(code))
    {
        line("trap", code);
    }
    if let Some(limit) = &failure.limit {
        line("limit", &format!("{} = {}", limit.name, limit.value));
    }
    for cause in &failure.causes {
        line("because", cause);
    }
    for frame in failure.backtrace.iter().filter(|frame| frame.location.is_some()).take(LINES_SHOWN) {
        let place = frame.location.as_ref().map_or_else(String::new, ToString::to_string);
        line("frame", &format!("{} ({place})", frame.function));
    }
    for (name, text) in last_words(failure) {
        line(name, &text);
    }
    if let Some(hint) = &failure.hint {
        line("hint", hint);
    }
    out
}

/// Returns the last lines of the guest's trace, log, standard error and standard output, each with the name of its stream.
pub(crate) fn last_words(failure: &Failure) -> Vec<(&'static str, Cow<'_, str>)> {
    let last = |lines: usize| lines.saturating_sub(LINES_SHOWN);
    let trace = failure.trace.iter().skip(last(failure.trace.len()));
    let log = failure.log.iter().skip(last(failure.log.len()));
    let end = |text: &'_ str| last(text.lines().count());
    let stderr = failure.stderr.lines().skip(end(&failure.stderr));
    let stdout = failure.stdout.lines().skip(end(&failure.stdout));
    trace
        .map(|text| ("trace", Cow::Borrowed(text.as_str())))
        .chain(log.map(|entry| ("log", Cow::Owned(format!("{}: {}", entry.level.name(), entry.message)))))
        .chain(stderr.map(|text| ("stderr", Cow::Borrowed(text))))
        .chain(stdout.map(|text| ("stdout", Cow::Borrowed(text))))
        .collect()
}

/// The number of lines shown of the trace, the log, each standard stream and the backtrace. The failure record has more.
const LINES_SHOWN: usize = 5;
