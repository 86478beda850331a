//! The content of a log.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bytes;
use crate::grants::Denial;
use crate::model::{Answer, AnswerError, ModelFailure};

/// Everything that the host returned to one instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogContent {
    /// The values of the wall clock: the time since 1970.
    #[serde(default)]
    pub(crate) wall: Vec<Duration>,
    /// The values of the monotonic clock, in nanoseconds.
    #[serde(default)]
    pub(crate) monotonic: Vec<u64>,
    #[serde(default)]
    pub(crate) requests: Vec<LoggedRequest>,
    #[serde(default)]
    pub(crate) answers: Vec<LoggedAnswer>,
    /// The parts of the step that models played.
    #[serde(default)]
    pub(crate) roles: BTreeSet<String>,
    /// Whether there was more than could be recorded.
    #[serde(default)]
    pub(crate) is_incomplete: bool,
}

/// A request by HTTP, and what the guest got for it. A request with neither a response nor an error was never answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoggedRequest {
    pub(crate) method: String,
    pub(crate) url: String,
    /// The body of the request. `None` if the host did not read it.
    #[serde(default, with = "bytes::optional")]
    pub(crate) body: Option<Vec<u8>>,
    #[serde(default)]
    pub(crate) response: Option<LoggedResponse>,
    /// The error, which comes after the part of the response that is there.
    #[serde(default)]
    pub(crate) error: Option<LoggedError>,
    /// Whether the response has ended.
    #[serde(default)]
    pub(crate) is_complete: bool,
}

/// A response, as far as it was received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoggedResponse {
    pub(crate) status: u16,
    /// Values are bytes, as characters of Latin-1.
    pub(crate) headers: Vec<(String, String)>,
    #[serde(with = "bytes")]
    pub(crate) body: Vec<u8>,
}

/// The error of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoggedError {
    pub(crate) code: LoggedCode,
    pub(crate) detail: String,
    #[serde(default)]
    pub(crate) denial: Option<Denial>,
}

/// The code of an error of `wasi:http`, by its name in the interface, with its payload.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoggedCode {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) number: Option<u64>,
    #[serde(default)]
    pub(crate) text: Option<String>,
}

/// A request to a model, and what the guest got for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoggedAnswer {
    pub(crate) role: String,
    /// The JSON of the request, without the name and settings of the model.
    pub(crate) request: String,
    pub(crate) outcome: AnswerOutcome,
}

/// The outcome of a request to a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AnswerOutcome {
    Answer(Answer),
    Embedding(Vec<f32>),
    /// The request failed.
    Error(AnswerError),
    /// The model failed, which ended the call.
    Failed(ModelFailure),
}

impl LoggedRequest {
    pub(super) fn new(method: &str, url: &str) -> Self {
        let (method, url) = (method.to_owned(), url.to_owned());
        Self { method, url, body: None, response: None, error: None, is_complete: false }
    }

    pub(super) fn is_for(&self, method: &str, url: &str) -> bool {
        self.method == method && self.url == url
    }
}

impl AnswerOutcome {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Answer(answer) => answer.text.len() + answer.model.len(),
            Self::Embedding(numbers) => numbers.len() * 16,
            Self::Error(error) => error.message.len() + error.causes.iter().map(String::len).sum::<usize>(),
            Self::Failed(failure) => failure.message.len() + failure.causes.iter().map(String::len).sum::<usize>(),
        }
    }
}
