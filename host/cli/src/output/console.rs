//! Standard output and standard error, with errors such as a full disk.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write as _};

use crate::exit_code::Exit;
use crate::os;
use crate::output::spinner;
use crate::output::style::ERROR;

/// Prints the result of a command to standard output. A closed pipe is not an error; other errors are reported.
pub(crate) fn print(text: &str) -> Exit {
    spinner::stop();
    let mut out = anstream::stdout().lock();
    match os::check_stdout().and_then(|()| out.write_all(text.as_bytes())).and_then(|()| out.flush()) {
        Ok(()) => Exit::Done,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => cannot_write(&error),
    }
}

/// Prints that the standard output cannot be written.
pub(crate) fn cannot_write(error: &io::Error) -> Exit {
    print_error(format_args!("{ERROR}error{ERROR:#}: cannot write to the standard output: {error}\n"));
    Exit::Failed
}

/// Prints a message to standard error. A message that cannot be written is lost: the run continues, and its exit code
/// reports how it ended.
pub(crate) fn print_error(text: Arguments<'_>) {
    spinner::stop();
    let _ = anstream::stderr().lock().write_fmt(text);
}

/// Like `eprint!` of the standard library, but does not panic if standard error cannot be written.
macro_rules! eprint_or_not {
    ($($text:tt)*) => { $crate::output::console::print_error(format_args!($($text)*)) };
}

/// Like `eprintln!` of the standard library, but does not panic if standard error cannot be written.
macro_rules! eprintln_or_not {
    () => { $crate::output::console::print_error(format_args!("\n")) };
    ($($text:tt)*) => { $crate::output::console::print_error(format_args!("{}\n", format_args!($($text)*))) };
}

pub(crate) use {eprint_or_not as eprint, eprintln_or_not as eprintln};
