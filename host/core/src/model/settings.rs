//! `[[model]]`: a model that steps of a pipeline may use.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Map, Value};

use super::recorded::{AnswerRecorder, RecordedAnswers};
use crate::grants::{HttpGrant, HttpLimits, HttpUrl, MethodProblem, SecretHeader, UrlHost, UrlProblem};

/// A model behind a server with the HTTP interface of OpenAI.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelSettings {
    /// The name in the pipeline.
    pub name: String,
    /// The start of the server's URLs, such as `https://api.openai.com/v1`.
    pub url: String,
    /// The model's name at the server.
    pub model: String,
    /// The name of the secret that is sent as `authorization: Bearer ...`.
    pub key: Option<String>,
    /// Addresses that may be connected to although they are not public.
    pub addresses: Vec<SocketAddr>,
    /// Requests at the same time, over all steps and threads of a run. Default 32.
    pub concurrency: u32,
    /// Requests in a minute. Default: as many as the server takes.
    pub requests_per_minute: Option<u64>,
    /// Tokens in a minute, of requests and answers together. Default: as many as the server takes.
    pub tokens_per_minute: Option<u64>,
    /// Time of one request, from the lookup of the name to the last byte of the answer. Default 60 s.
    pub time: Duration,
    /// Further attempts after an error of the server, a timeout or a lost connection, as long as other requests succeed. Default 5.
    pub retries: u32,
    /// Time without any success after which the run fails. Default 2 minutes.
    pub give_up_after: Duration,
    /// Further requests for an answer that does not match its JSON Schema. Default 2.
    pub corrections: u32,
    /// The most that a run may use.
    pub budget: ModelBudget,
    /// The price of tokens.
    pub price: Option<Price>,
    /// Whether requests are sent in batch files, which the server answers later for a lower price. Default `false`.
    pub batch: bool,
    /// Members of the JSON of every request, such as `top_k`. A step's own settings take precedence.
    pub body: Map<String, Value>,
}

/// The models of a step that is not part of a pipeline.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct StepModels {
    /// By the part that each plays in the step; `default` for the only one.
    pub models: BTreeMap<String, ModelSettings>,
    /// Answers that take the place of all models.
    pub recorded: Option<RecordedAnswers>,
    /// Collects the answers of the models.
    pub recorder: Option<AnswerRecorder>,
}

impl StepModels {
    /// Creates an object without models.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the models, by the part that each plays.
    #[must_use]
    pub fn models(mut self, models: BTreeMap<String, ModelSettings>) -> Self {
        self.models = models;
        self
    }

    /// Uses recorded answers instead of models.
    #[must_use]
    pub fn recorded(mut self, answers: RecordedAnswers) -> Self {
        self.recorded = Some(answers);
        self
    }

    /// Collects the answers of the models.
    #[must_use]
    pub fn recorder(mut self, recorder: AnswerRecorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Returns whether the step has no models.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty() && self.recorded.is_none()
    }
}

/// The most that a run may use of a model. The run stops before the request that would exceed it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct ModelBudget {
    /// Tokens of requests and answers.
    pub tokens: Option<u64>,
    /// In the unit of the price.
    pub cost: Option<f64>,
}

/// The price of a million tokens, in any currency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Of requests.
    pub input: f64,
    /// Of answers.
    pub output: f64,
}

impl Price {
    /// Returns the cost of a number of tokens.
    pub fn cost(self, input_tokens: u64, output_tokens: u64) -> f64 {
        (input_tokens as f64 * self.input + output_tokens as f64 * self.output) / 1e6
    }
}

/// Why a model cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelProblem {
    /// The URL is not one.
    #[error("`url` {0}")]
    Url(#[from] UrlProblem),
    /// The method cannot be granted.
    #[error(transparent)]
    Method(#[from] MethodProblem),
    /// The name of the secret cannot be part of a header.
    #[error("`key` is not the name of a secret")]
    Key,
}

/// Bytes of a response. One with 64 embeddings has some megabytes.
const ANSWER_BYTES: u64 = 16 << 20;

/// Bytes of a file with the answers of a batch.
const FILE_BYTES: u64 = 1 << 30;

/// Time for a file of a batch, unless `time` is longer.
const FILE_TIME: Duration = Duration::from_mins(10);

impl ModelSettings {
    /// Creates the settings of a model, with the defaults for everything else.
    pub fn new(name: impl Into<String>, url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            model: model.into(),
            key: None,
            addresses: Vec::new(),
            concurrency: 32,
            requests_per_minute: None,
            tokens_per_minute: None,
            time: Duration::from_mins(1),
            retries: 5,
            give_up_after: Duration::from_mins(2),
            corrections: 2,
            budget: ModelBudget::default(),
            price: None,
            batch: false,
            body: Map::new(),
        }
    }

    /// Returns the URL of an endpoint such as `chat/completions`.
    pub(crate) fn endpoint(&self, path: &str) -> Result<HttpUrl, UrlProblem> {
        HttpUrl::parse(&format!("{}/{path}", self.url.trim_end_matches('/')))
    }

    /// Returns the grant under which the host sends and receives batch files.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub(crate) fn batch_grant(&self) -> Result<HttpGrant, ModelProblem> {
        let grant = self.grant()?;
        let limits = HttpLimits { time: self.time.max(FILE_TIME), response_bytes: FILE_BYTES, ..*grant.own_limits() };
        Ok(grant.limits(limits))
    }

    /// Returns the grant under which the host sends requests to the server.
    ///
    /// # Errors
    /// The settings are not those of a server.
    pub fn grant(&self) -> Result<HttpGrant, ModelProblem> {
        let grant = HttpGrant::new(&format!("{}/", self.url.trim_end_matches('/')))?;
        let grant = if self.batch { grant.methods(["GET", "POST"])? } else { grant.methods(["POST"])? };
        // A model on this machine is the most common one that is not public, and its name has no other meaning.
        let url = self.endpoint("")?;
        let is_local = matches!(&url.host, UrlHost::Name(name) if name == "localhost");
        let local = [SocketAddr::from((Ipv4Addr::LOCALHOST, url.port)), (Ipv6Addr::LOCALHOST, url.port).into()];
        let local = local.into_iter().filter(|_| is_local);
        let limits = HttpLimits {
            time: self.time,
            request_bytes: u64::MAX,
            response_bytes: ANSWER_BYTES,
            requests: u64::MAX,
            // The model's own bound is below this one, since it is held for retries as well.
            concurrency: self.concurrency.saturating_add(self.concurrency / 2).saturating_add(8),
            ..HttpLimits::default()
        };
        let grant = grant.addresses(self.addresses.iter().copied().chain(local)).limits(limits);
        Ok(match &self.key {
            None => grant,
            Some(key) => {
                let header = SecretHeader::new("authorization", &format!("Bearer {{{key}}}"));
                grant.secret(header.map_err(|_| ModelProblem::Key)?)
            }
        })
    }
}
