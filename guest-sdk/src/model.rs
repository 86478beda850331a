//! Language models, for a step that the pipeline file gives one.
//!
//! ```
//! use stillbox_sdk::model::{Model, Request};
//! use stillbox_sdk::{Batch, Input, Output, Result, Rows, step};
//!
//! #[derive(Input)]
//! struct Question<'a> {
//!     question: &'a str,
//! }
//!
//! #[derive(Output)]
//! struct Answered {
//!     answer: String,
//! }
//!
//! /// Answers questions.
//! #[step]
//! fn answer(batch: Batch<'_, Question<'_>>, model: Model) -> Result<Rows<Answered>> {
//!     let requests = batch.iter().map(|row| Ok(Request::new(row?.question).system("Answer in one sentence."))).collect::<Result<_>>()?;
//!     let mut rows = Rows::new();
//!     for (row, answer) in model.generate(requests)?.into_iter().enumerate() {
//!         rows.push_or_reject(row, answer.map(|answer| Answered { answer: answer.text }));
//!     }
//!     Ok(rows)
//! }
//! ```
//!
//! The host sends the requests of a call at the same time, repeats them after errors that may pass, and stores each answer before
//! the step gets it. So a step is not called again with other answers, and nothing is paid twice. A request that is rejected, or whose
//! answer is cut off or does not match its schema, is an error for its row alone.
//!
//! In an `async` step the requests of all rows that wait are sent together:
//!
//! ```
//! # use stillbox_sdk::model::{Model, Request};
//! # use stillbox_sdk::{Input, Output, Result, step};
//! # #[derive(Input)]
//! # struct Question<'a> { question: &'a str }
//! # #[derive(Output)]
//! # struct Answered { answer: String }
//! /// Answers questions, and improves the answers.
//! #[step(concurrency = 64)]
//! async fn answer_twice(row: Question<'_>, model: Model) -> Result<Answered> {
//!     let draft = model.generate_one(Request::new(row.question)).await?;
//!     let better = Request::new(row.question).assistant(draft.text).user("Write it more clearly.");
//!     Ok(Answered { answer: model.generate_one(better).await?.text })
//! }
//! ```
//!
//! `models` in the pipeline file gives a step several models; [`Model::named`] is the one of that name.

mod host;
mod pending;
mod request;

use std::borrow::Cow;
use std::panic::Location;

pub use request::Request;

use crate::{Error, Result};

/// A model that the pipeline file gives to the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    role: Cow<'static, str>,
}

/// The model of `model = "..."` in the pipeline file.
impl Default for Model {
    fn default() -> Self {
        Self { role: Cow::Borrowed("default") }
    }
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The text. For a request with a schema it is JSON that matches it.
    pub text: String,
    /// Whether the answer was cut off at the largest number of tokens, which is an error unless the request allows it.
    pub is_truncated: bool,
    /// The model, as the server names it.
    pub model: String,
    /// Tokens of the request, with those of corrections.
    pub input_tokens: u64,
    /// Tokens of the answer, with those of corrections.
    pub output_tokens: u64,
    /// The number of requests that were sent for it.
    pub attempts: u32,
    /// The time from the first of these requests to the answer, in seconds.
    pub seconds: f64,
}

impl Model {
    /// The model of this name in `models` of the step.
    pub fn named(role: impl Into<Cow<'static, str>>) -> Self {
        Self { role: role.into() }
    }

    /// Returns the answers to requests, in their order. An error is that of its request alone.
    ///
    /// # Errors
    /// There is no host, as in a unit test.
    #[track_caller]
    pub fn generate(&self, requests: Vec<Request>) -> Result<Vec<Result<Answer>>> {
        host::generate(&self.role, requests, Location::caller())
    }

    /// Returns the answer to a request. The requests of rows that wait at the same time are sent together.
    ///
    /// # Errors
    /// The request is rejected, or there is no host.
    #[track_caller]
    pub fn generate_one(&self, request: Request) -> impl Future<Output = Result<Answer>> + use<> {
        pending::PendingAnswer::new(self.role.clone(), request, Location::caller())
    }

    /// Returns the answers to several requests of a row, in their order. They are sent together, with those of the rows that wait at the
    /// same time. An error is that of its request alone.
    #[track_caller]
    pub fn generate_each(&self, requests: Vec<Request>) -> impl Future<Output = Vec<Result<Answer>>> + use<> {
        let caller = Location::caller();
        let pending = |request| pending::PendingAnswer::new(self.role.clone(), request, caller);
        pending::PendingAnswers::new(requests.into_iter().map(pending))
    }

    /// Returns the embeddings of texts, in their order. Those of one model have the same number of elements.
    ///
    /// # Errors
    /// There is no host, as in a unit test.
    #[track_caller]
    pub fn embed<T: Into<String>>(&self, texts: impl IntoIterator<Item = T>) -> Result<Vec<Result<Vec<f32>>>> {
        host::embed(&self.role, texts.into_iter().map(Into::into).collect(), Location::caller())
    }
}

impl Answer {
    /// Reads JSON, as a request with a schema returns it.
    ///
    /// # Errors
    /// The answer is not JSON of this type.
    pub fn json<T: serde_core::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.text).map_err(|error| {
            Error::input("the answer of the model is not the expected JSON").caused_by(error.to_string())
        })
    }
}
