//! Errors of models: those of one request, and those of a run.

use serde::{Deserialize, Serialize};

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AnswerError {
    pub(crate) kind: AnswerErrorKind,
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) hint: Option<String>,
    /// Tokens that were used up for it. A paid error is stored like an answer, so that it is not paid twice.
    pub(crate) is_paid: bool,
}

/// The kind of an error of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AnswerErrorKind {
    /// Another attempt may succeed.
    Transient,
    /// The same request fails again.
    Rejected,
}

impl AnswerError {
    pub(crate) fn transient(message: impl Into<String>) -> Self {
        Self::new(AnswerErrorKind::Transient, message.into())
    }

    pub(crate) fn rejected(message: impl Into<String>) -> Self {
        Self::new(AnswerErrorKind::Rejected, message.into())
    }

    fn new(kind: AnswerErrorKind, message: String) -> Self {
        Self { kind, message, causes: Vec::new(), hint: None, is_paid: false }
    }

    pub(crate) fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn paid(mut self) -> Self {
        self.is_paid = true;
        self
    }
}

/// An error of a model that ends the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ModelFailure {
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) hint: String,
}
