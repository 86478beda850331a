//! Where a setting was written.

use std::ops::{Deref, Range};
use std::sync::Arc;

/// Where something was written that a complaint may point at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// The pipeline file as a whole: something is missing from it.
    File,
    /// These bytes of the pipeline file's text.
    Span(Range<usize>),
    /// An argument on the command line, as typed, such as `--set filter.min-words=5`.
    Argument(Arc<str>),
}

impl Place {
    /// The order in which complaints are listed: the file, its bytes, then the command line.
    pub(super) fn order(&self) -> (u8, usize) {
        match self {
            Self::File => (0, 0),
            Self::Span(span) => (1, span.start),
            Self::Argument(_) => (2, 0),
        }
    }
}

/// A value and the place where it was written. It stands for its value wherever a reference to that will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it was written.
    pub(crate) place: Place,
}

impl<T> Placed<T> {
    /// A value written at `place`.
    pub(crate) fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }

    /// A value written in these bytes of the pipeline file.
    pub(super) fn at(value: T, span: Range<usize>) -> Self {
        Self { value, place: Place::Span(span) }
    }
}

impl<T> Deref for Placed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
