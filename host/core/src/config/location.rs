//! Locations of settings in the pipeline file and on the command line.

use std::ops::{Deref, Range};
use std::sync::Arc;

/// The location of a setting, for diagnostics.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigLocation {
    /// The pipeline file as a whole, for example if a table is missing from it.
    File,
    /// A range of bytes in the text of the pipeline file.
    Span(Range<usize>),
    /// An argument on the command line, as typed, such as `--set filter.min-words=5`.
    Argument(Arc<str>),
}

impl ConfigLocation {
    /// The sort key of diagnostics: the file, its bytes, then the command line.
    pub(super) fn order(&self) -> (u8, usize) {
        match self {
            Self::File => (0, 0),
            Self::Span(span) => (1, span.start),
            Self::Argument(_) => (2, 0),
        }
    }
}

/// A value with its location. Dereferences to the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located<T> {
    /// The value itself.
    pub(crate) value: T,
    /// The location of the value.
    pub(crate) location: ConfigLocation,
}

impl<T> Located<T> {
    /// Creates a value at `location`.
    pub(crate) fn new(value: T, location: ConfigLocation) -> Self {
        Self { value, location }
    }

    /// Creates a value at a range of bytes in the pipeline file.
    pub(super) fn at(value: T, span: Range<usize>) -> Self {
        Self { value, location: ConfigLocation::Span(span) }
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
