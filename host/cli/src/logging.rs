//! The log of Stillbox itself, for `--verbose`.

use std::io::{self, Write};

use stillbox::text::mark_lines;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::output::render::is_coloured;
use crate::panics;

/// The character that starts a style.
const ESCAPE: char = '\u{1b}';

/// Prints the log to standard error: warnings, with `-v` more, with `-vv` all. Panics that become failures appear only in
/// the log.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter = EnvFilter::builder().parse_lossy(format!("off,stillbox={level}"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| EntryWriter(io::stderr()))
        .with_ansi(is_coloured())
        .without_time()
        .with_target(false)
        // The default prints its own errors, and panics if standard error cannot be written.
        .log_internal_errors(false)
        .init();
    panics::set_hook();
}

/// Writes entries of the log, each of which is written as a whole. File names and texts of steps in them are made safe: lines
/// after the first are marked. `tracing_subscriber` escapes control characters in its values, so that the styles are its own.
struct EntryWriter<W>(W);

impl<W: Write> Write for EntryWriter<W> {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(entry);
        let parts: Vec<_> = text.split(ESCAPE).map(mark_lines).collect();
        self.0.write_all(format!("{}\n", parts.join(&ESCAPE.to_string())).as_bytes())?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_cannot_imitate_another_one() {
        let mut written = Vec::new();
        let entry = "\u{1b}[33m WARN\u{1b}[0m a\n::error::b\r##[error]c\u{202e}\n";
        EntryWriter(&mut written).write_all(entry.as_bytes()).unwrap();
        let expected = "\u{1b}[33m WARN\u{1b}[0m a\n  | ::error::b\\u{d}##\\u{5b}error]c\\u{202e}\n";
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}
