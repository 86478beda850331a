//! Lines of JSON on standard output, for programs.

use std::io::{self, Write as _};

use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;
use stillbox::text::escape_controls_in_json;

use crate::os;

/// Writes lines, and stores the first write error.
#[derive(Debug, Default)]
pub(crate) struct MessageWriter {
    lost: Mutex<Option<io::Error>>,
}

impl MessageWriter {
    /// Writes a line. A closed pipe is not an error. Nothing is written after another error, because the lines would have
    /// a gap.
    pub(crate) fn print(&self, value: &Value) {
        let mut lost = self.lost();
        if lost.is_some() {
            return;
        }
        let written =
            os::check_stdout().and_then(|()| io::stdout().lock().write_all(line(&value.to_string()).as_bytes()));
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => *lost = Some(error),
            _ => {}
        }
    }

    /// Returns the reason that lines are missing, or `None` if all were written.
    pub(crate) fn error(&self) -> Option<String> {
        self.lost().as_ref().map(|error| format!("the messages on standard output are not complete: {error}"))
    }

    fn lost(&self) -> MutexGuard<'_, Option<io::Error>> {
        self.lost.lock()
    }
}

/// Returns a line that is safe to print on a terminal: control characters in a guest's text are escaped.
pub(crate) fn line(json: &str) -> String {
    let mut line = escape_controls_in_json(json).into_owned();
    line.push('\n');
    line
}
