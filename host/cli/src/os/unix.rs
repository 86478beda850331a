//! The functions for Linux, macOS and other Unix systems.

mod descriptors;
mod standard_streams;

use std::fs::{self, File, Metadata};
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::writev;

pub(crate) use descriptors::raise_limit;
pub(crate) use signal_hook::low_level::exit;
pub(crate) use standard_streams::{check_stdin, check_stdout};

/// A path of standard error, by which it can be opened a second time.
const STDERR: &str = "/dev/stderr";

/// Returns a number that changes when a file is replaced by another one.
pub(crate) fn generation(metadata: &Metadata) -> u64 {
    metadata.ino()
}

/// Returns whether there is a pipe at a path.
pub(crate) fn is_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo())
}

/// Returns a stream of this process if a path leads to its file or pipe. Terminals and `/dev/null` do not count, because
/// two descriptors can write to them.
pub(crate) fn stream_at(path: &Path, stream: &impl AsFd) -> Option<File> {
    let there = fs::metadata(path).ok().filter(|there| there.is_file() || there.file_type().is_fifo())?;
    let stream = File::from(stream.as_fd().try_clone_to_owned().ok()?);
    let found = stream.metadata().ok()?;
    ((found.dev(), found.ino()) == (there.dev(), there.ino())).then_some(stream)
}

/// Writes to standard error without blocking and without allocating. Text for which the pipe has no room is lost.
pub(crate) fn write_without_blocking(parts: [&str; 5]) {
    let parts = parts.map(|part| IoSlice::new(part.as_bytes()));
    // A second descriptor can be non-blocking without a change for other writers, including other processes.
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let _ = match open(STDERR, flags, Mode::empty()) {
        Ok(stderr) => writev(stderr, &parts),
        // Standard error is a socket, or a pipe of another user.
        Err(_) if has_room(&io::stderr()) => writev(io::stderr(), &parts),
        Err(error) => Err(error),
    };
}

/// Returns whether a line can be written without blocking. Another thread may still fill the pipe before the write.
fn has_room(stream: &impl AsFd) -> bool {
    let mut streams = [PollFd::new(stream, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut streams, Some(&at_once)).is_ok() && streams[0].revents().contains(PollFlags::OUT)
}
