//! The final message of a process that ends without waiting for its work.

use std::sync::Once;

use crate::os;
use crate::output::render::is_terminal;

/// Writes one line, given in three parts, to standard error without blocking. Only the first call writes. The line is
/// lost if the pipe is full or the terminal is stopped, because a reader that does not read must not keep the process
/// alive. Takes no lock, because its owner may be blocked on such a reader, and on Unix allocates nothing, because an allocation
/// may have to wait for a guest that allocates memory.
pub(crate) fn say([what, signal, how]: [&str; 3]) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        // On a terminal, a progress bar or the `^C` of Ctrl-C may be in this line.
        let before = if is_terminal() { "\n" } else { "" };
        os::write_without_blocking([before, what, signal, how, "\n"]);
    });
}
