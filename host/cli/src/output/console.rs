//! Standard output and standard error, either of which may be on a full disk.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};

use crate::exit_code::Exit;
use crate::output::render;

/// Prints what was asked for. Whoever reads it may close it early; that it did not get there for another reason is told.
pub(crate) fn print(text: &str) -> Exit {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Exit::Done,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => {
            render::message(&format!("cannot write to the standard output: {error}"));
            Exit::Failed
        }
    }
}

/// Tells people something on standard error. Where it cannot be told it is lost, and nothing else is: a run goes on, and
/// its exit code says how it ended.
pub(crate) fn tell(text: Arguments<'_>) {
    let _ = anstream::stderr().lock().write_fmt(text);
}

/// As that of the standard library, but for a full disk, at which that one panics.
macro_rules! eprint_or_not {
    ($($text:tt)*) => { $crate::output::console::tell(format_args!($($text)*)) };
}

/// The same with an end of the line.
macro_rules! eprintln_or_not {
    () => { $crate::output::console::tell(format_args!("\n")) };
    ($($text:tt)*) => { $crate::output::console::tell(format_args!("{}\n", format_args!($($text)*))) };
}

pub(crate) use {eprint_or_not as eprint, eprintln_or_not as eprintln};
