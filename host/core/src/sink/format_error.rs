//! Errors of the libraries that write formats.

use std::error::Error;
use std::io;
use std::sync::Arc;

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

use super::error::{SinkError, SinkErrorKind};
use crate::format::Format;
use crate::source::SourceError;
use crate::spill::SpillError;
use crate::values::ConversionError;

/// An error of one of the libraries.
pub(super) enum FormatError {
    Io(io::Error),
    Arrow(ArrowError),
    Parquet(ParquetError),
    Spill(SpillError),
    Handler(Box<dyn Error + Send + Sync>),
    /// A column that is copied from an input.
    Source(SourceError),
    Value(ConversionError),
}

/// Returns the sink error for a library's error. Errors of the operating system are unwrapped.
pub(super) fn sink_error(output: &Arc<str>, format: Format, failure: FormatError) -> SinkError {
    let library = |source| SinkError::new(output, SinkErrorKind::Library { format, source });
    match failure {
        FormatError::Io(error) | FormatError::Arrow(ArrowError::IoError(_, error)) => {
            SinkError::io(output, "write this output", error)
        }
        FormatError::Arrow(error) => library(error.into()),
        FormatError::Parquet(ParquetError::External(error)) => match error.downcast::<io::Error>() {
            // Reading a copied column fails within the library, which returns the error as that of the operating system.
            Ok(error) => match error.downcast::<SourceError>() {
                Ok(source) => SinkError::new(output, SinkErrorKind::Source { source }),
                Err(error) => SinkError::io(output, "write this output", error),
            },
            Err(error) => library(error),
        },
        FormatError::Parquet(error) => library(error.into()),
        FormatError::Spill(error) => library(error.into()),
        FormatError::Source(source) => SinkError::new(output, SinkErrorKind::Source { source }),
        FormatError::Value(error) => library(error.into()),
        FormatError::Handler(source) => SinkError::new(output, SinkErrorKind::Handler { source }),
    }
}

impl From<io::Error> for FormatError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<SourceError> for FormatError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<ArrowError> for FormatError {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

impl From<ParquetError> for FormatError {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

impl From<SpillError> for FormatError {
    fn from(error: SpillError) -> Self {
        Self::Spill(error)
    }
}
