//! Errors and failures as text. Every chain of causes is printed here.

use std::error::Error;
use std::fmt::Write as _;

use stillbox::model::ProbeError;
use stillbox::text::{self, escape_controls, mark_lines};
use stillbox::{Failure, FailureKind};

use crate::output::console::eprint;
use crate::output::last_lines::{LINES_SHOWN, last_lines};
use crate::output::style::{BOLD, ERROR, NOTE};

/// Prints an error and its causes, one per line.
pub(crate) fn error(error: &dyn Error) {
    eprint!("{ERROR}error{ERROR:#}: {}", error_text(error));
}

/// Prints an error and its causes, then what can be done about it, one per line.
pub(crate) fn error_with_hints(error: &dyn Error, hints: &[String]) {
    let mut lines = Lines(error_text(error));
    for hint in hints {
        lines.line("hint", hint);
    }
    eprint!("{ERROR}error{ERROR:#}: {}", lines.0);
}

/// Returns an error and its causes as text of several lines, with styles. A cause that is a failure of a step has all of
/// its lines.
pub(crate) fn error_text(error: &dyn Error) -> String {
    let mut lines = Lines(format!("{}\n", mark_lines(&error.to_string())));
    for cause in text::causes(error) {
        let Some(failure) = as_failure(cause) else {
            lines.cause(&cause.to_string());
            continue;
        };
        lines.cause(&failure.message);
        // These have the causes of the failure, which are the rest of the chain.
        lines.failure(failure);
        break;
    }
    lines.0
}

/// Returns the causes of an error, starting with the direct cause.
pub(crate) fn causes(error: &dyn Error) -> Vec<String> {
    // The message of a failure without the name of its step, which a display of the failure has elsewhere.
    let text = |cause: &(dyn Error + 'static)| as_failure(cause).map(|failure| failure.message.clone());
    text::causes(error).map(|cause| text(cause).unwrap_or_else(|| cause.to_string())).collect()
}

/// Prints why no step can use a model.
pub(crate) fn probe_error(error: &ProbeError) {
    let mut lines = Lines(format!("{ERROR}error{ERROR:#}: {}\n", mark_lines(&error.message)));
    error.causes.iter().for_each(|cause| lines.cause(cause));
    lines.line("hint", &error.help);
    eprint!("{}", lines.0);
}

fn as_failure<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Failure> {
    error.downcast_ref::<Failure>().or_else(|| error.downcast_ref::<Box<Failure>>().map(|failure| &**failure))
}

/// Prints a failure: its message, its location, then its causes.
pub(crate) fn failure(failure: &Failure) {
    eprint!("{}", failure_text(failure));
}

/// Returns a failure as text of several lines, with styles.
pub(crate) fn failure_text(failure: &Failure) -> String {
    let step = failure
        .step
        .as_ref()
        .map_or_else(String::new, |step| format!(" in step {BOLD}{}{BOLD:#}", escape_controls(step)));
    // One kind covers the input, the output and Stillbox; the message names which of them failed.
    let kind = if failure.kind == FailureKind::Host { "error" } else { failure.kind.name() };
    let mut lines = Lines(format!("{ERROR}{kind}{ERROR:#}{step}: {}\n", mark_lines(&failure.message)));
    lines.failure(failure);
    lines.0
}

/// The lines after the first.
struct Lines(String);

impl Lines {
    fn line(&mut self, name: &str, text: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "  {NOTE}{name}{NOTE:#}: {}", escape_controls(text));
    }

    fn cause(&mut self, text: &str) {
        self.line("caused by", text);
    }

    /// Adds everything but the message.
    fn failure(&mut self, failure: &Failure) {
        self.place(failure);
        // Parameters are checked in the SDK, whose lines are of no help to the user who wrote them.
        if let Some(location) = failure.location.as_ref().filter(|_| failure.kind != FailureKind::Parameters) {
            self.line("source", &location.to_string());
        }
        let is_elsewhere = |code: &String| *code == failure.message || failure.causes.contains(code);
        if let Some(code) = failure.code.as_ref().filter(|code| !is_elsewhere(code)) {
            self.line("trap", code);
        }
        if let Some(limit) = &failure.limit {
            self.line("limit", &format!("{} = {}", limit.name, limit.value));
        }
        for cause in &failure.causes {
            self.cause(cause);
        }
        for frame in failure.backtrace.iter().filter(|frame| frame.location.is_some()).take(LINES_SHOWN) {
            let place = frame.location.as_ref().map_or_else(String::new, ToString::to_string);
            self.line("frame", &format!("{} ({place})", frame.function));
        }
        for (name, text) in last_lines(failure) {
            self.line(name, &text);
        }
        if let Some(hint) = &failure.hint {
            // It may have lines to be added to a pipeline file.
            let _ = writeln!(self.0, "  {NOTE}hint{NOTE:#}: {}", mark_lines(hint));
        }
    }

    /// Adds the row and the batch.
    fn place(&mut self, failure: &Failure) {
        let Some(row) = failure.row.as_ref().or(failure.first_row.as_ref()) else {
            if let Some(batch) = failure.batch {
                self.line("in", &format!("batch {batch}"));
            }
            return;
        };
        let place = row.to_string();
        let is_in_message = failure.message.starts_with(&place);
        match (failure.batch, &failure.row) {
            (Some(batch), Some(_)) => self.line("at", &format!("{place} (batch {batch})")),
            (Some(batch), None) => self.line("in", &format!("batch {batch}, which begins at {place}")),
            (None, _) if is_in_message => {}
            (None, _) => self.line("at", &place),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use anstream::adapter::strip_str;

    use super::*;

    fn record(message: &str) -> Failure {
        let record = serde_json::json!({
            "version": 1, "attempt": 1, "kind": "panic", "message": message, "causes": ["the cause\u{9b}1A"],
            "hint": "do this",
        });
        serde_json::from_value(record).expect("it is a record")
    }

    #[test]
    fn each_cause_has_one_line_and_a_failure_all_of_its_own() {
        let error = anyhow::Error::new(io::Error::other("denied\n")).context("cannot read\nthe file");
        insta::assert_snapshot!(strip_str(&error_text(&*error)), @r"
        cannot read
          | the file
          caused by: denied\u{a}
        ");
        let error = anyhow::Error::new(record("no rule")).context("cannot bind");
        insta::assert_snapshot!(strip_str(&error_text(&*error)), @r"
        cannot bind
          caused by: no rule
          caused by: the cause\u{9b}1A
          hint: do this
        ");
        assert_eq!(causes(&*error), ["no rule", "the cause\u{9b}1A"]);
        insta::assert_snapshot!(strip_str(&failure_text(&record("no rule"))), @r"
        panic: no rule
          caused by: the cause\u{9b}1A
          hint: do this
        ");
    }
}
