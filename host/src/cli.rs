//! The command line: the only part that prints.

#[cfg_attr(not(test), expect(dead_code, reason = "the subcommands are still to come"))]
mod diagnostics;
