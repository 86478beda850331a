//! Whether the command was started with a standard output.
//!
//! The standard library opens `/dev/null` in place of a closed standard output before `main`, so that results would be lost
//! without an error. Therefore a function of this module runs before it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::stat;
use rustix::io::Errno;

static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Returns an error if the command was started without a standard output, as by `>&-`.
pub(crate) fn check_open() -> io::Result<()> {
    if WAS_CLOSED.load(Ordering::Relaxed) { Err(Errno::BADF.into()) } else { Ok(()) }
}

/// Stores whether the standard output is closed.
extern "C" fn note_closed() {
    // The folder lists the open descriptors. It is missing in some containers.
    let is_closed = stat("/dev/fd").is_ok() && matches!(stat("/dev/fd/1"), Err(Errno::NOENT | Errno::BADF));
    WAS_CLOSED.store(is_closed, Ordering::Relaxed);
}

/// The loader calls the functions in this section before `main`.
#[expect(unsafe_code, reason = "only this section runs before the standard library opens the descriptor")]
// SAFETY: the section contains pointers to functions whose arguments may be ignored. The function calls the system and writes a
// static value; it needs neither memory nor anything that the standard library sets up.
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".init_array"))]
#[used]
static BEFORE_MAIN: extern "C" fn() = note_closed;
