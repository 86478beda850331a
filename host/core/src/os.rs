//! Functions of the operating system. There is a module for each family of systems, with the same functions and types, so that the
//! other modules of the library name no system.
//!
//! Windows has no counterpart of some promises, and functions there say so: private folders depend on the access lists that they
//! inherit from the profile of the user, and the memory of a process that compiles is not limited.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(windows)]
pub(crate) use windows::*;

use std::ffi::OsStr;

/// Returns the units of a name or path: bytes on Unix, UTF-16 on Windows.
pub(crate) fn units_of(text: &str) -> Vec<Unit> {
    units(OsStr::new(text))
}
