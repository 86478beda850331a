//! The final message of a process that ends without waiting for its work.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::sync::Once;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::writev;

use crate::output::render::is_terminal;

/// A path of standard error, by which it can be opened a second time.
const STDERR: &str = "/dev/stderr";

/// Writes one line, given in three parts, to standard error without blocking. Only the first call writes. The line is
/// lost if the pipe is full or the terminal is stopped, because a reader that does not read must not keep the process
/// alive. Takes no lock, because its owner may be blocked on such a reader, and allocates nothing, because an allocation
/// may have to wait for a guest that allocates memory.
pub(crate) fn say([what, signal, how]: [&str; 3]) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        // On a terminal, a progress bar or the `^C` of Ctrl-C may be in this line.
        let before = if is_terminal() { "\n" } else { "" };
        let parts = [before, what, signal, how, "\n"].map(|part| IoSlice::new(part.as_bytes()));
        // A second descriptor can be non-blocking without a change for other writers, including other processes.
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let _ = match open(STDERR, flags, Mode::empty()) {
            Ok(stderr) => writev(stderr, &parts),
            // Standard error is a socket, or a pipe of another user.
            Err(_) if has_room(&io::stderr()) => writev(io::stderr(), &parts),
            Err(error) => Err(error),
        };
    });
}

/// Returns whether a line can be written without blocking. Another thread may still fill the pipe before the write.
fn has_room(stream: &impl AsFd) -> bool {
    let mut streams = [PollFd::new(stream, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut streams, Some(&at_once)).is_ok() && streams[0].revents().contains(PollFlags::OUT)
}
