//! Whether the command was started with a standard input and a standard output.
//!
//! The standard library opens `/dev/null` in place of a closed stream before `main`, so that rows and results would be lost without an
//! error. Therefore a function of this module runs before it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::stat;
use rustix::io::Errno;

static STDIN_WAS_CLOSED: AtomicBool = AtomicBool::new(false);
static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Returns an error if the command was started without a standard input, as by `<&-`.
pub(crate) fn check_stdin() -> io::Result<()> {
    check(&STDIN_WAS_CLOSED)
}

/// Returns an error if the command was started without a standard output, as by `>&-`.
pub(crate) fn check_stdout() -> io::Result<()> {
    check(&STDOUT_WAS_CLOSED)
}

fn check(was_closed: &AtomicBool) -> io::Result<()> {
    if was_closed.load(Ordering::Relaxed) { Err(Errno::BADF.into()) } else { Ok(()) }
}

/// Stores which streams are closed.
extern "C" fn note_closed() {
    // The folder lists the open descriptors. It is missing in some containers.
    let is_listed = stat("/dev/fd").is_ok();
    for (path, was_closed) in [("/dev/fd/0", &STDIN_WAS_CLOSED), ("/dev/fd/1", &STDOUT_WAS_CLOSED)] {
        was_closed.store(is_listed && matches!(stat(path), Err(Errno::NOENT | Errno::BADF)), Ordering::Relaxed);
    }
}

/// The loader calls the functions in this section before `main`.
#[expect(unsafe_code, reason = "only this section runs before the standard library opens the descriptors")]
// SAFETY: the section contains pointers to functions whose arguments may be ignored. The function calls the system and writes a
// static value; it needs neither memory nor anything that the standard library sets up.
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".init_array"))]
#[used]
static BEFORE_MAIN: extern "C" fn() = note_closed;
