//! The facts about an answer, as JSON.

use serde_json::{Value, json};
use stillbox_sdk::model::Answer;

use crate::Prompt;

/// Returns the input and output of a model, with the tokens, the model, the number of requests that were sent, the reason of the end,
/// and the seconds. Images are not included.
pub fn metadata(prompt: &Prompt, answer: &Answer) -> Value {
    json!({
        "input": prompt.to_json(),
        "output": answer.text,
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "model": answer.model,
        "attempts": answer.attempts,
        "finish_reason": if answer.is_truncated { "length" } else { "stop" },
        "seconds": answer.seconds,
    })
}
