//! Errors of preparing a step.

use crate::component::ComponentError;
use crate::failure::Failure;
use crate::grants::GrantError;
use crate::plan::ColumnMismatch;
use crate::registry::RegistryError;
use crate::runtime::EngineError;

/// An error of preparing a step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The file is not a step.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component cannot be downloaded.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The step does not accept its parameters, or fails to bind them.
    #[error("the step cannot be bound")]
    Bind(#[source] Box<Failure>),
    /// The input does not have the columns that the step reads.
    #[error("the step does not accept the columns of its input: {}", sentences(mismatches))]
    #[non_exhaustive]
    Columns {
        /// Every column that is missing or has another type.
        mismatches: Vec<ColumnMismatch>,
    },
    /// A grant cannot be used.
    #[error("the grants of the step cannot be used")]
    Grants(#[source] GrantError),
    /// The sandbox cannot be created on this machine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

fn sentences(mismatches: &[ColumnMismatch]) -> String {
    mismatches.iter().map(|mismatch| mismatch.message.as_str()).collect::<Vec<_>>().join("; ")
}
