//! Formats the logs and the output of steps, for `--show-output`.

use std::fmt::Write as _;

use serde_json::{Value, json};
use stillbox::GuestMessage;
use stillbox::text::{escape_controls, mark_lines};

/// Returns a message of a guest as a line: `[clean, batch 3] info: text`. Lines after the first are marked, so that none can pass for
/// one of the command's.
pub(crate) fn line(message: &GuestMessage<'_>) -> String {
    let mut place = escape_controls(message.step.unwrap_or("loading")).into_owned();
    if let Some(batch) = message.batch {
        let _ = write!(place, ", batch {batch}");
    }
    line_at(&place, message)
}

/// As [`line`], with another place between the brackets.
pub(crate) fn line_at(place: &str, message: &GuestMessage<'_>) -> String {
    let text = message.text.trim_end_matches('\n');
    format!("{}\n", mark_lines(&format!("[{place}] {}: {text}", message.stream.name())))
}

/// Returns a message of a guest as an event.
pub(crate) fn event(message: &GuestMessage<'_>) -> Value {
    json!({
        "event": "output",
        "step": message.step,
        "batch": message.batch,
        "stream": message.stream.name(),
        "text": message.text,
    })
}
