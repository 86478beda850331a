//! Lines of JSON on standard output, for machines.

use std::io::{self, Write as _};

use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;
use stillbox::escape_controls_in_json;

/// Writes lines, and remembers if one could not be written.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    lost: Mutex<Option<io::Error>>,
}

impl Messages {
    /// Writes a line. Whoever reads it may have gone, on which nothing depends; but a disk that was full would leave a gap,
    /// so nothing more is written after it.
    pub(crate) fn print(&self, value: &Value) {
        let mut lost = self.lost();
        if lost.is_some() {
            return;
        }
        match io::stdout().lock().write_all(line(&value.to_string()).as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => *lost = Some(error),
            _ => {}
        }
    }

    /// Why lines are missing, if that is so.
    pub(crate) fn error(&self) -> Option<String> {
        self.lost().as_ref().map(|error| format!("the messages on standard output are not complete: {error}"))
    }

    fn lost(&self) -> MutexGuard<'_, Option<io::Error>> {
        self.lost.lock()
    }
}

/// A line that may be shown on a terminal, whatever a guest has said.
pub(crate) fn line(json: &str) -> String {
    let mut line = escape_controls_in_json(json).into_owned();
    line.push('\n');
    line
}
