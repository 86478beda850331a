//! Numbers with their nouns, for messages.

use std::fmt;

/// Returns the ending of a noun after this number.
pub(super) fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A number of fields, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fields(pub(crate) usize);

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} field{}", self.0, plural(self.0))
    }
}
