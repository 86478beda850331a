//! All output of the command: text for people, lines of JSON for programs.

pub(crate) mod console;
pub(crate) mod diagnostics;
pub(crate) mod errors;
pub(crate) mod failure;
pub(crate) mod guest;
pub(crate) mod last_lines;
pub(crate) mod messages;
pub(crate) mod progress;
pub(crate) mod records;
pub(crate) mod render;
pub(crate) mod snapshot;
pub(crate) mod spinner;
pub(crate) mod style;
pub(crate) mod summary;
pub(crate) mod terminal;
pub(crate) mod texts;
pub(crate) mod tree;
pub(crate) mod xml;
