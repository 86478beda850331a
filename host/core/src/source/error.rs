//! Errors of sources.

mod count;
mod kind;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::place::{FilePosition, InputPosition};
use crate::failure::{Failure, RowPlace};
use crate::pattern::PatternError;
pub(crate) use count::Fields;
pub(crate) use kind::SourceErrorKind;

/// An input that cannot be read, or does not have the expected format or columns.
///
/// `Display` prints one link: the position, what is wrong there, and what to do. `source()` returns the cause, if any.
#[derive(Debug)]
pub(crate) struct SourceError {
    /// The position, if known.
    pub(crate) place: Option<InputPosition>,
    /// The kind of the error.
    pub(crate) kind: Box<SourceErrorKind>,
}

impl SourceError {
    /// Creates an error that does not concern one file.
    pub(crate) fn anywhere(kind: SourceErrorKind) -> Self {
        Self { place: None, kind: Box::new(kind) }
    }

    /// Returns whether the content of the input is at fault, and not the configuration of the source. The content is
    /// its rows, its header or schema, or a whole file that is corrupt or cannot be read to its end.
    pub(crate) fn is_about_content(&self) -> bool {
        let is_in_file = self.place.as_ref().is_some_and(|place| place.position != FilePosition::WholeFile);
        is_in_file
            || match &*self.kind {
                // A file that cannot be opened is missing or not readable by this user, which says nothing of its
                // content.
                SourceErrorKind::Io { action, .. } => matches!(*action, "read" | "decompress"),
                SourceErrorKind::Decompress(_)
                | SourceErrorKind::OtherKind(_)
                | SourceErrorKind::Unreadable { .. }
                | SourceErrorKind::Unsupported { .. }
                | SourceErrorKind::RowCount { .. }
                | SourceErrorKind::Value { .. }
                | SourceErrorKind::Panicked { .. }
                | SourceErrorKind::Batches { .. }
                | SourceErrorKind::BatchSchema { .. }
                | SourceErrorKind::DuplicateName { .. }
                | SourceErrorKind::SchemaDiffers { .. } => true,
                _ => false,
            }
    }

    /// Returns the failure of kind `host` for this error, with its row.
    pub(crate) fn to_failure(&self) -> Failure {
        let mut failure = Failure::host(self);
        failure.row = self.place.as_ref().map(|place| {
            let (line, row) = match place.position {
                FilePosition::WholeFile => (None, None),
                FilePosition::Line(line) | FilePosition::Byte(line, _) => (Some(line), None),
                FilePosition::Row(row) => (None, Some(row)),
            };
            RowPlace { index: 0, file: Some(Arc::clone(&place.file)), line, row }
        });
        failure
    }

    /// Creates an error about a whole file.
    pub(crate) fn in_file(file: &Arc<str>, kind: SourceErrorKind) -> Self {
        Self::at(file, FilePosition::WholeFile, kind)
    }

    /// Creates an error on a line, counted from 1.
    pub(crate) fn on_line(file: &Arc<str>, line: u64, kind: SourceErrorKind) -> Self {
        Self::at(file, FilePosition::Line(line), kind)
    }

    /// Creates an error at a position of a file.
    pub(crate) fn at(file: &Arc<str>, position: FilePosition, kind: SourceErrorKind) -> Self {
        Self { place: Some(InputPosition { file: Arc::clone(file), position }), kind: Box::new(kind) }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        self.kind.fmt(f)
    }
}

impl From<PatternError> for SourceError {
    fn from(error: PatternError) -> Self {
        Self::anywhere(SourceErrorKind::Pattern(error))
    }
}

impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}
