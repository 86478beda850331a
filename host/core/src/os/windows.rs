//! The functions for Windows.
#![expect(
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "the types are those of the functions for Unix"
)]

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::windows::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::windows::fs::{FileExt as _, OpenOptionsExt as _};
use std::os::windows::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;
use winapi_util::file::information;

/// `FILE_FLAG_BACKUP_SEMANTICS`, without which folders cannot be opened.
const BACKUP_SEMANTICS: u32 = 0x0200_0000;

/// `FILE_FLAG_OPEN_REPARSE_POINT`: opens a link itself.
const OPEN_REPARSE_POINT: u32 = 0x0020_0000;

/// `CREATE_NEW_PROCESS_GROUP`: Ctrl-C is not sent to the program.
const NEW_PROCESS_GROUP: u32 = 0x0000_0200;

/// `FILE_LIST_DIRECTORY`.
const LIST_FOLDER: u32 = 1;

/// `FILE_SHARE_READ | FILE_SHARE_WRITE`: the file can be neither renamed nor removed.
const WITHOUT_RENAMING: u32 = 3;

/// `ERROR_SHARING_VIOLATION`.
const SHARING_VIOLATION: i32 = 32;

/// `ERROR_USER_MAPPED_FILE`.
const USER_MAPPED_FILE: i32 = 1224;

/// A part of a name or path.
pub(crate) type Unit = u16;

/// The path of the Python in a virtual environment.
pub(crate) const PYTHON_IN_ENVIRONMENT: &str = "Scripts/python.exe";

/// The name of a Python on the path.
pub(crate) const PYTHON: &str = "python";

/// Identifies a file, as long as it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId {
    volume: u64,
    index: u64,
}

impl FileId {
    /// Identifies an open file.
    pub(crate) fn of_file(file: &File) -> io::Result<Self> {
        let information = information(file)?;
        Ok(Self { volume: information.volume_serial_number(), index: information.file_index() })
    }

    /// Identifies the file or folder at a path.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        Self::of_file(&OpenOptions::new().access_mode(0).custom_flags(BACKUP_SEMANTICS).open(path)?)
    }

    /// Identifies what is at a path, which may be a link.
    pub(crate) fn of_link(path: &Path) -> io::Result<Self> {
        let flags = BACKUP_SEMANTICS | OPEN_REPARSE_POINT;
        Self::of_file(&OpenOptions::new().access_mode(0).custom_flags(flags).open(path)?)
    }
}

/// Reads at a position. Returns the number of bytes, which is 0 at the end. Unlike on Unix, the position of the file changes.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], position: u64) -> io::Result<usize> {
    file.seek_read(bytes, position)
}

/// Fills a buffer from a position. Unlike on Unix, the position of the file changes.
pub(crate) fn read_exact_at(file: &File, mut bytes: &mut [u8], mut position: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.seek_read(bytes, position) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                bytes = &mut bytes[read..];
                position += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes all bytes at a position. Unlike on Unix, the position of the file changes.
pub(crate) fn write_all_at(file: &File, mut bytes: &[u8], mut position: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.seek_write(bytes, position) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                position += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Returns options that do not follow a link.
pub(crate) fn not_followed() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(OPEN_REPARSE_POINT);
    options
}

/// Returns the usual options: opening a pipe does not wait for its other end.
pub(crate) fn not_blocking() -> OpenOptions {
    OpenOptions::new()
}

/// Opens a folder. It cannot be renamed or removed until it is closed.
pub(crate) fn open_folder(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.access_mode(LIST_FOLDER).share_mode(WITHOUT_RENAMING).custom_flags(BACKUP_SEMANTICS).open(path)
}

/// Returns `None`: an open folder has no second path, and [cannot be renamed](open_folder).
pub(crate) fn path_of_open(_: &File) -> Option<PathBuf> {
    None
}

/// Does nothing: NTFS writes names to the disk in the order of changes, and folders cannot be synced.
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Syncs a file that was written by others, or before, to the disk.
pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.sync_all()
}

/// Sets the time when a file was changed. The time cannot be set by a handle that only reads.
pub(crate) fn set_modified(_: &File, path: &Path, time: SystemTime) -> io::Result<()> {
    not_followed().write(true).open(path)?.set_modified(time)
}

/// Creates a folder and its parents. It inherits its access list: in the profile of a user, other users have no access.
pub(crate) fn create_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Checks nothing: who has access is decided by the access list that is inherited.
pub(crate) fn check_private(_: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Returns true: only a user with access to a file can give it another name.
pub(crate) fn is_own(_: &Metadata) -> bool {
    true
}

/// A temporary file inherits its access list.
pub(crate) fn for_this_user<'b, 'p, 's>(
    builder: &'b mut tempfile::Builder<'p, 's>,
) -> &'b mut tempfile::Builder<'p, 's> {
    builder
}

/// Does nothing: a file has the access list of its folder.
pub(crate) fn make_readable(_: &File) -> io::Result<()> {
    Ok(())
}

/// Renames a temporary file, which may replace another one. Unlike that of the library, the renaming of the standard library
/// replaces a file that is open.
pub(crate) fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    let (file, made) = file.keep().map_err(|error| error.error)?;
    drop(file);
    fs::rename(&made, path).inspect_err(|_| drop(fs::remove_file(&made)))
}

/// Removes a file. Returns false if a process uses it: one that is mapped, as compiled components are, cannot be removed.
pub(crate) fn remove_unless_used(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Err(error) if matches!(error.raw_os_error(), Some(SHARING_VIOLATION | USER_MAPPED_FILE)) => Ok(false),
        removed => removed.map(|()| true),
    }
}

/// Returns permissions with which the file can be written.
#[expect(clippy::permissions_set_readonly_false, reason = "this is Windows, where it does not let others write")]
pub(crate) fn writable(permissions: &Permissions) -> Permissions {
    let mut permissions = permissions.clone();
    permissions.set_readonly(false);
    permissions
}

/// Returns whether a file cannot be locked because its file system has no locks.
pub(crate) fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// Returns the units of a name or path.
pub(crate) fn units(name: &OsStr) -> Vec<Unit> {
    name.encode_wide().collect()
}

/// Returns the name or path of some units.
pub(crate) fn from_units(units: Vec<Unit>) -> OsString {
    OsString::from_wide(&units)
}

/// Starts a program in a process group of its own.
pub(crate) fn start_group(command: &mut Command) -> io::Result<Child> {
    command.creation_flags(NEW_PROCESS_GROUP).spawn()
}

/// Kills a program, and those that it has started. One that does not exist is no error.
pub(crate) fn kill_group(program: u32) {
    let mut kill = Command::new("taskkill");
    kill.args(["/T", "/F", "/PID", &program.to_string()]);
    let _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Does nothing: a limit would need a job object.
pub(crate) fn limit_memory(_: u64) {}

/// Returns `None`: there is no limit.
pub(crate) fn available_memory() -> Option<u64> {
    None
}

/// Waits for some time. Whether a stream has a reader cannot be seen.
pub(crate) fn wait_for_reader<S>(_: &S, time: Duration) {
    thread::sleep(time);
}
