//! Where a setting was written.

use std::ops::{Deref, Range};
use std::sync::Arc;

/// Where something was written that a complaint may point at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ConfigLocation {
    /// The pipeline file as a whole: something is missing from it.
    File,
    /// These bytes of the pipeline file's text.
    Span(Range<usize>),
    /// An argument on the command line, as typed, such as `--set filter.min-words=5`.
    Argument(Arc<str>),
}

impl ConfigLocation {
    /// The order in which complaints are listed: the file, its bytes, then the command line.
    pub(super) fn order(&self) -> (u8, usize) {
        match self {
            Self::File => (0, 0),
            Self::Span(span) => (1, span.start),
            Self::Argument(_) => (2, 0),
        }
    }
}

/// A value and the location where it was written. It stands for its value wherever a reference to that will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it was written.
    pub(crate) location: ConfigLocation,
}

impl<T> Located<T> {
    /// A value written at `location`.
    pub(crate) fn new(value: T, location: ConfigLocation) -> Self {
        Self { value, location }
    }

    /// A value written in these bytes of the pipeline file.
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
