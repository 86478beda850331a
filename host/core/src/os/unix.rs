//! The functions for Linux, macOS and other Unix systems.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tempfile::NamedTempFile;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, Signal, geteuid, getrlimit, kill_process_group, setrlimit};

/// The bits of the mode by which users other than the owner can write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The bit that lets the owner write.
const OWNER_WRITES: u32 = 0o200;

/// A part of a name or path.
pub(crate) type Unit = u8;

/// The path of the Python in a virtual environment.
pub(crate) const PYTHON_IN_ENVIRONMENT: &str = "bin/python";

/// The name of a Python on the path.
pub(crate) const PYTHON: &str = "python3";

/// Identifies a file, as long as it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Identifies an open file.
    pub(crate) fn of_file(file: &File) -> io::Result<Self> {
        Ok(Self::new(&file.metadata()?))
    }

    /// Identifies the file or folder at a path.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::new(&fs::metadata(path)?))
    }

    /// Identifies what is at a path, which may be a link.
    pub(crate) fn of_link(path: &Path) -> io::Result<Self> {
        Ok(Self::new(&fs::symlink_metadata(path)?))
    }

    fn new(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Reads at a position. Returns the number of bytes, which is 0 at the end.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], position: u64) -> io::Result<usize> {
    file.read_at(bytes, position)
}

/// Fills a buffer from a position.
pub(crate) fn read_exact_at(file: &File, bytes: &mut [u8], position: u64) -> io::Result<()> {
    file.read_exact_at(bytes, position)
}

/// Writes all bytes at a position.
pub(crate) fn write_all_at(file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
    file.write_all_at(bytes, position)
}

/// Returns options that neither follow a link nor wait for the other end of a pipe. A new file is for this user only.
pub(crate) fn not_followed() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()).mode(0o600);
    options
}

/// Returns options that do not wait for the other end of a pipe.
pub(crate) fn not_blocking() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    options
}

/// Opens a folder.
pub(crate) fn open_folder(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Returns a path by which an open folder can be reached, also if it was renamed.
pub(crate) fn path_of_open(folder: &File) -> Option<PathBuf> {
    Some(PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()))).filter(|path| path.exists())
}

/// Syncs the names in a folder to the disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Syncs a file that was written by others, or before, to the disk.
pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Sets the time when a file was changed.
pub(crate) fn set_modified(file: &File, _: &Path, time: SystemTime) -> io::Result<()> {
    file.set_modified(time)
}

/// Creates a folder and its parents, for this user only.
pub(crate) fn create_private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Checks that a file or folder belongs to this user, and that other users cannot write to it.
pub(crate) fn check_private(metadata: &Metadata) -> io::Result<()> {
    let (owner, user) = (metadata.uid(), geteuid().as_raw());
    if owner != user {
        return Err(io::Error::other(format!("it belongs to the user {owner}, and this is the user {user}")));
    }
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(io::Error::other("other users can write to it; remove their access with `chmod go-w`"));
    }
    Ok(())
}

/// Returns whether a file belongs to this user and has no other name.
pub(crate) fn is_own(metadata: &Metadata) -> bool {
    metadata.nlink() == 1 && metadata.uid() == geteuid().as_raw()
}

/// Lets only this user read and write a temporary file.
pub(crate) fn for_this_user<'b, 'p, 's>(
    builder: &'b mut tempfile::Builder<'p, 's>,
) -> &'b mut tempfile::Builder<'p, 's> {
    builder.permissions(Permissions::from_mode(0o600))
}

/// Lets all users read a temporary file, and its owner write it.
pub(crate) fn make_readable(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(0o644))
}

/// Renames a temporary file, which may replace another one.
pub(crate) fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Removes a file. Returns true, also if a process uses it.
pub(crate) fn remove_unless_used(path: &Path) -> io::Result<bool> {
    fs::remove_file(path).map(|()| true)
}

/// Returns permissions with which the owner can write, too.
pub(crate) fn writable(permissions: &Permissions) -> Permissions {
    Permissions::from_mode(permissions.mode() | OWNER_WRITES)
}

/// Returns whether a file cannot be locked because its file system has no locks.
pub(crate) fn has_no_locks(error: &io::Error) -> bool {
    let numbers = [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS];
    numbers.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Returns the units of a name or path.
pub(crate) fn units(name: &OsStr) -> Vec<Unit> {
    name.as_bytes().to_vec()
}

/// Returns the name or path of some units.
pub(crate) fn from_units(units: Vec<Unit>) -> OsString {
    OsString::from_vec(units)
}

/// Starts a program in a process group of its own.
pub(crate) fn start_group(command: &mut Command) -> io::Result<Child> {
    command.process_group(0).spawn()
}

/// Kills the process group of a program. One that does not exist is no error.
pub(crate) fn kill_group(program: u32) {
    if let Some(group) = i32::try_from(program).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Limits the memory of this process that is private and writable. Where the system has no such limit, nothing is limited.
pub(crate) fn limit_memory(bytes: u64) {
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    if let Err(error) = setrlimit(Resource::Data, limit) {
        tracing::debug!("the memory of the compiler is not limited: {error}");
    }
}

/// Returns the memory that the system gives to this process, and to those that it starts. `None` if it sets no limit.
pub(crate) fn available_memory() -> Option<u64> {
    [Resource::As, Resource::Data].into_iter().filter_map(|resource| getrlimit(resource).current).min()
}

/// Waits until a stream has no reader any more, or for some time.
pub(crate) fn wait_for_reader(stream: &impl AsFd, time: Duration) {
    let until = Instant::now().checked_add(time);
    while let Some(left) = until.map_or(Some(time), |until| until.checked_duration_since(Instant::now())) {
        // Without flags only errors are reported, and the end of the reader is one.
        let mut streams = [PollFd::new(stream, PollFlags::empty())];
        match poll(&mut streams, Timespec::try_from(left).ok().as_ref()) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return,
            Err(_) => thread::sleep(left),
        }
    }
}
