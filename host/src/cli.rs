//! The command line: the only part that prints.
mod diagnostics;
