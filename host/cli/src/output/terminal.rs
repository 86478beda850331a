//! The terminal that progress is drawn on.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{ProgressDrawTarget, TermLike};
use parking_lot::Mutex;
use terminal_size::{Height, Width, terminal_size_of};

/// Columns that are left free at the right, for the `^C` that a terminal prints at the cursor. On a full line it would start another
/// one, and the progress could not be removed.
const ECHO_COLUMNS: u16 = 2;

/// Drawings each second.
const DRAWINGS_PER_SECOND: u8 = 20;

/// Returns the target of progress on standard error. Nothing is drawn unless it is a terminal.
pub(crate) fn draw_target() -> ProgressDrawTarget {
    if !io::stderr().is_terminal() {
        return ProgressDrawTarget::hidden();
    }
    ProgressDrawTarget::term_like_with_hz(Box::new(Terminal::default()), DRAWINGS_PER_SECOND)
}

/// Standard error, with a buffer until `flush`, so that drawings do not flicker.
#[derive(Debug, Default)]
struct Terminal {
    pending: Mutex<String>,
}

impl Terminal {
    fn size() -> (u16, u16) {
        terminal_size_of(io::stderr()).map_or((80, 24), |(Width(width), Height(height))| (width, height))
    }

    fn add(&self, text: &str) {
        self.pending.lock().push_str(text);
    }

    /// Adds the control sequence that moves the cursor.
    fn add_move(&self, distance: usize, direction: char) {
        // A distance of 0 would be taken for 1.
        if distance > 0 {
            self.add(&format!("\u{1b}[{distance}{direction}"));
        }
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        Self::size().0.saturating_sub(ECHO_COLUMNS).max(1)
    }

    fn height(&self) -> u16 {
        Self::size().1
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.add_move(n, 'A');
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.add_move(n, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.add_move(n, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.add_move(n, 'D');
        Ok(())
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.add(s);
        self.add("\n");
        Ok(())
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.add(s);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add("\r\u{1b}[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let pending = std::mem::take(&mut *self.pending.lock());
        io::stderr().write_all(pending.as_bytes())
    }
}
