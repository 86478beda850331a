//! Why the call of a bundle cannot be made again.

use std::io;
use std::sync::Arc;

use arrow_schema::ArrowError;

use super::super::error::BindError;
use crate::bundle::MissingRows;
use crate::component::ComponentError;
use crate::plan::ColumnMismatch;
use crate::runtime::EngineError;

/// Why the call cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The bundle has only the digest of its component.
    #[error("the component is not in the bundle ({reason}); give its file, {file}, with the digest {digest}")]
    #[non_exhaustive]
    NoComponent {
        /// Why it was left out.
        reason: String,
        /// The name of the file.
        file: String,
        /// Its digest.
        digest: String,
    },
    /// The bytes of the component are not those of its digest.
    #[error("the component in the bundle is not the one that it names: its digest is {0}")]
    OtherComponent(Arc<str>),
    /// The component is not a step.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The parameters of the bundle are not a JSON object.
    #[error("the parameters of the bundle are malformed")]
    Parameters(#[source] serde_json::Error),
    /// A grant cannot be used.
    #[error(transparent)]
    Grants(BindError),
    /// The rows do not have the columns that the step reads.
    #[error("the rows of the bundle do not have the columns that the step reads: {}", mismatches(.0))]
    Columns(Vec<ColumnMismatch>),
    /// The bundle does not have these rows.
    #[error(transparent)]
    Rows(#[from] MissingRows),
    /// The rows of the bundle cannot be used.
    #[error("the rows of the bundle are malformed")]
    Malformed(#[source] ArrowError),
    /// The sandbox cannot be created.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The component cannot be written to a temporary file.
    #[error("the component cannot be written to a temporary file")]
    Temporary(#[source] io::Error),
}

fn mismatches(all: &[ColumnMismatch]) -> String {
    all.iter().map(|mismatch| mismatch.message.as_str()).collect::<Vec<_>>().join("; ")
}
