//! The functions for Windows.

use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::os::windows::fs::MetadataExt as _;
use std::os::windows::io::{AsHandle, AsRawHandle};
use std::path::Path;
use std::process;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use winapi_util::file::{Information, information};

/// `ERROR_INVALID_HANDLE`.
const INVALID_HANDLE: i32 = 6;

/// The time in which a message is written.
const WRITTEN_WITHIN: Duration = Duration::from_millis(50);

/// Returns an error if the command was started without a standard input.
pub(crate) fn check_stdin() -> io::Result<()> {
    check(&io::stdin())
}

/// Returns an error if the command was started without a standard output.
pub(crate) fn check_stdout() -> io::Result<()> {
    check(&io::stdout())
}

fn check(stream: &impl AsRawHandle) -> io::Result<()> {
    if stream.as_raw_handle().is_null() { Err(io::Error::from_raw_os_error(INVALID_HANDLE)) } else { Ok(()) }
}

/// Does nothing: the number of open files has no limit.
pub(crate) fn raise_limit() {}

/// Ends the process.
pub(crate) fn exit(code: i32) -> ! {
    process::exit(code)
}

/// Returns the time when a file was created. One that replaces it within 15 seconds may get the same.
pub(crate) fn generation(metadata: &Metadata) -> u64 {
    metadata.creation_time()
}

/// Returns false: pipes have no paths in folders.
pub(crate) fn is_pipe(_: &Path) -> bool {
    false
}

/// Returns a stream of this process if a path leads to its file.
pub(crate) fn stream_at(path: &Path, stream: &impl AsHandle) -> Option<File> {
    let identity = |file: &Information| (file.volume_serial_number(), file.file_index());
    let there = fs::metadata(path).ok().filter(Metadata::is_file).and_then(|_| File::open(path).ok())?;
    let stream = File::from(stream.as_handle().try_clone_to_owned().ok()?);
    let (found, there) = (information(&stream).ok()?, information(&there).ok()?);
    (identity(&found) == identity(&there)).then_some(stream)
}

/// Writes to standard error without its lock. The write may block, so another thread does it, for which this waits only for a moment.
pub(crate) fn write_without_blocking(parts: [&str; 5]) {
    let text = parts.concat();
    let (done, is_done) = sync_channel(1);
    let write = move || {
        if let Ok(stderr) = io::stderr().as_handle().try_clone_to_owned() {
            let _ = File::from(stderr).write(text.as_bytes());
        }
        let _ = done.send(());
    };
    if thread::Builder::new().spawn(write).is_ok() {
        let _ = is_done.recv_timeout(WRITTEN_WITHIN);
    }
}
