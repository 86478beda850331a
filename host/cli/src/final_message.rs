//! The last word of a process that ends without waiting for anything.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::sync::Once;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::writev;

use crate::output::render::is_terminal;

/// Standard error under a name that can be opened again.
const STDERR: &str = "/dev/stderr";

/// Says a line, given in three parts, on standard error, once, if that takes no time. Where a pipe is full, or a terminal is
/// held, it is lost: whoever does not read it must not keep the process alive. No lock is taken, since whoever has it may
/// be waiting for such a reader, and nothing is allocated, which may have to wait for a guest that is asking for memory.
pub(crate) fn say([what, signal, how]: [&str; 3]) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        // On a terminal there may be a bar in this line, or what the terminal shows of Ctrl-C.
        let before = if is_terminal() { "\n" } else { "" };
        let parts = [before, what, signal, how, "\n"].map(|part| IoSlice::new(part.as_bytes()));
        // Opened anew it can be written without waiting, and its other writers, in other processes too, still wait.
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let _ = match open(STDERR, flags, Mode::empty()) {
            Ok(stderr) => writev(stderr, &parts),
            // A socket, or a pipe that somebody else has made.
            Err(_) if has_room(&io::stderr()) => writev(io::stderr(), &parts),
            Err(error) => Err(error),
        };
    });
}

/// Whether a line can be written at once. Another thread may be faster, but only within the moment until then.
fn has_room(stream: &impl AsFd) -> bool {
    let mut streams = [PollFd::new(stream, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut streams, Some(&at_once)).is_ok() && streams[0].revents().contains(PollFlags::OUT)
}
