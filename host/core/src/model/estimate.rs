//! The estimated use of models.

use serde::Serialize;

/// The use of models that a run would have, estimated from a sample of its rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelEstimate {
    /// Rows of all sources, or those that the steps made if there is no source.
    pub rows: u64,
    /// Rows of the sample.
    pub sample_rows: u64,
    /// The models, in the order of the pipeline file: their use for all rows.
    pub models: Vec<EstimatedUsage>,
    /// Rows of the sample that a step rejected, by step. The placeholder answers may be the reason.
    pub rejected: Vec<RejectedRows>,
}

/// The estimated use of one model.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EstimatedUsage {
    /// The model's name in the pipeline.
    pub name: String,
    /// Requests.
    pub requests: u64,
    /// Requests without a largest number of tokens, whose answers count as 256 tokens.
    pub without_max_tokens: u64,
    /// Tokens of requests: one for three bytes.
    pub input_tokens: u64,
    /// Tokens of answers, at most.
    pub output_tokens: u64,
    /// The cost by the model's price. `None` without a price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Whether the budget of the model is smaller.
    pub exceeds_budget: bool,
}

/// Rows of a sample that a step rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RejectedRows {
    /// The step.
    pub step: String,
    /// The number of rows.
    pub rows: u64,
}
