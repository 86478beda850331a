//! The functions for Windows.

use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::os::windows::fs::MetadataExt as _;
use std::os::windows::io::{AsHandle, AsRawHandle};
use std::path::Path;
use std::process;

use winapi_util::file::{Information, information};

/// `ERROR_INVALID_HANDLE`.
const INVALID_HANDLE: i32 = 6;

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

/// Returns a number that changes when a file is replaced by another one: its time of creation.
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

/// Writes to standard error without its lock. If it is a pipe that is not read, this waits.
pub(crate) fn write_without_blocking(parts: [&str; 5]) {
    if let Ok(stderr) = io::stderr().as_handle().try_clone_to_owned() {
        let _ = File::from(stderr).write(parts.concat().as_bytes());
    }
}
