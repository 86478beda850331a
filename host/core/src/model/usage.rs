//! The requests, tokens and cost of a model in a run.

use serde::{Deserialize, Serialize};

/// The requests, tokens and cost of a model in a run. In a run that was resumed, tokens and cost are those of the whole run, and the rest is that of its
/// last part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelUsage {
    /// The model's name in the pipeline.
    pub name: String,
    /// Requests that were sent, with those that failed.
    pub requests: u64,
    /// Requests that were sent again after an error.
    pub retries: u64,
    /// Answers that were stored by an earlier attempt or run.
    pub stored_answers: u64,
    /// Tokens of requests.
    pub input_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
    /// The cost by the model's price. `None` without a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Time in seconds that requests waited because of rate limits, added up over all requests.
    pub rate_limit_seconds: f64,
}
