//! Answers of a model, as they are received and as they are stored.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::AnswerError;

/// The text that a model returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) finish: FinishReason,
    /// The model that answered, as the server names it.
    pub(crate) model: String,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    /// The number of requests that were sent for it.
    pub(crate) attempts: u32,
    /// From the first request to the answer.
    pub(crate) seconds: f64,
}

/// Why a model ended its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FinishReason {
    /// At its end, or at a text of `stop`.
    Stop,
    /// At the largest number of tokens.
    Length,
    /// The server removed text.
    ContentFilter,
    /// Any other.
    Other,
}

/// Embeddings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vectors {
    pub(crate) vectors: Vec<Vec<f32>>,
}

/// The largest width of an embedding. Those of the largest models have some thousands of elements.
const MAX_WIDTH: usize = 1 << 16;

impl Answer {
    /// Reads the response to a request for text.
    ///
    /// # Errors
    /// The response is not one, or says that there is no text.
    pub(crate) fn read(response: &Value) -> Result<Self, AnswerError> {
        let choice = response.pointer("/choices/0").ok_or_else(|| malformed("it has no `choices`"))?;
        if let Some(refusal) = choice.pointer("/message/refusal").and_then(Value::as_str) {
            return Err(AnswerError::rejected(format!("the model refused: {refusal}")).paid());
        }
        let finish = match choice["finish_reason"].as_str() {
            Some("stop" | "eos" | "end_turn") | None => FinishReason::Stop,
            Some("length" | "max_tokens") => FinishReason::Length,
            Some("content_filter") => FinishReason::ContentFilter,
            Some(_) => FinishReason::Other,
        };
        let content = choice.pointer("/message/content").or_else(|| choice.get("text"));
        let text = match content {
            Some(Value::String(text)) => text.clone(),
            // A filter may leave nothing.
            Some(Value::Null) | None if finish == FinishReason::ContentFilter => String::new(),
            Some(Value::Null) if choice.get("message").is_some() => String::new(),
            _ => return Err(malformed("its first choice has no text")),
        };
        let (input_tokens, output_tokens) = plausible_tokens(response)?;
        Ok(Self {
            text,
            finish,
            model: response["model"].as_str().unwrap_or_default().to_owned(),
            input_tokens,
            output_tokens,
            attempts: 1,
            seconds: 0.0,
        })
    }
}

impl Vectors {
    /// Reads the response to a request for this number of embeddings, which may be in any order.
    ///
    /// # Errors
    /// The response is not one.
    pub(crate) fn read(response: &Value, count: usize) -> Result<Self, AnswerError> {
        plausible_tokens(response)?;
        let data = response["data"].as_array().ok_or_else(|| malformed("it has no `data`"))?;
        let mut vectors: Vec<Option<Vec<f32>>> = vec![None; count];
        for (position, entry) in data.iter().enumerate() {
            let index = entry.get("index").map_or(Some(position as u64), Value::as_u64);
            let place = index.and_then(|index| vectors.get_mut(usize::try_from(index).ok()?));
            let place = place.ok_or_else(|| malformed("it has an embedding for a text that was not sent"))?;
            let elements = entry["embedding"].as_array().filter(|elements| (1..=MAX_WIDTH).contains(&elements.len()));
            let elements = elements.ok_or_else(|| malformed("an embedding is not a list of 1 to 65,536 numbers"))?;
            let element =
                |element: &Value| element.as_f64().map(|number| number as f32).filter(|number| number.is_finite());
            let vector: Option<Vec<f32>> = elements.iter().map(element).collect();
            let vector = vector.ok_or_else(|| malformed("an embedding has an element that is not a finite number"))?;
            if place.replace(vector).is_some() {
                return Err(malformed("it has two embeddings for one text"));
            }
        }
        let vectors: Option<Vec<Vec<f32>>> = vectors.into_iter().collect();
        let vectors = vectors.ok_or_else(|| malformed("the embedding of a text is missing"))?;
        Ok(Self { vectors })
    }
}

/// The most tokens of a request, or of its answer, that a server may count. No model has a context of as many.
const MAX_TOKENS: u64 = 100_000_000;

/// Returns the tokens of the request and of the answer, as the server counts them. Implausible numbers do not count.
pub(crate) fn tokens(response: &Value) -> (u64, u64) {
    plausible_tokens(response).unwrap_or_default()
}

/// Returns the tokens of a response.
///
/// # Errors
/// A number is not plausible.
fn plausible_tokens(response: &Value) -> Result<(u64, u64), AnswerError> {
    let count = |pointer| match response.pointer(pointer).and_then(Value::as_u64) {
        Some(count) if count > MAX_TOKENS => Err(malformed(&format!("its `usage` has {count} tokens"))),
        count => Ok(count.unwrap_or(0)),
    };
    Ok((count("/usage/prompt_tokens")?, count("/usage/completion_tokens")?))
}

fn malformed(problem: &str) -> AnswerError {
    AnswerError::transient(format!("the response of the server is not an answer: {problem}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn implausible_numbers_of_tokens_are_no_answer_and_cost_nothing() {
        let response = |tokens: u64| {
            json!({
                "choices": [{ "message": { "content": "yes" } }], "data": [],
                "usage": { "prompt_tokens": 3, "completion_tokens": tokens },
            })
        };
        for count in [MAX_TOKENS + 1, u64::MAX] {
            let error = Answer::read(&response(count)).expect_err("no model has so many");
            assert_eq!(
                error.message,
                format!("the response of the server is not an answer: its `usage` has {count} tokens")
            );
            assert!(Vectors::read(&response(count), 0).is_err());
            assert_eq!(tokens(&response(count)), (0, 0));
        }
        assert_eq!(tokens(&response(MAX_TOKENS)), (3, MAX_TOKENS));
    }

    fn error<T: std::fmt::Debug>(result: Result<T, AnswerError>) -> String {
        result.unwrap_err().message
    }

    #[test]
    fn answers_of_chats_and_completions_are_read() {
        let chat = json!({
            "model": "small-1",
            "choices": [{ "message": { "content": "Yes." }, "finish_reason": "length" }],
            "usage": { "prompt_tokens": 3, "completion_tokens": 2 },
        });
        let answer = Answer::read(&chat).unwrap();
        assert_eq!((&*answer.text, answer.finish, &*answer.model), ("Yes.", FinishReason::Length, "small-1"));
        assert_eq!((answer.input_tokens, answer.output_tokens), (3, 2));
        let completion = json!({ "choices": [{ "text": " upon" }] });
        let answer = Answer::read(&completion).unwrap();
        assert_eq!((&*answer.text, answer.finish, answer.input_tokens), (" upon", FinishReason::Stop, 0));
    }

    #[test]
    fn responses_that_are_no_answers_are_errors() {
        let wrong = [
            json!({}),
            json!({ "choices": [] }),
            json!({ "choices": [{ "message": { "content": 5 } }] }),
            json!({ "choices": [{ "text": null }] }),
            json!({ "choices": [{ "message": { "content": null, "refusal": "No." } }] }),
        ];
        let errors: Vec<_> = wrong.iter().map(|response| error(Answer::read(response))).collect();
        insta::assert_snapshot!(errors.join("\n"), @"
        the response of the server is not an answer: it has no `choices`
        the response of the server is not an answer: it has no `choices`
        the response of the server is not an answer: its first choice has no text
        the response of the server is not an answer: its first choice has no text
        the model refused: No.
        ");
    }

    #[test]
    fn embeddings_are_put_into_the_order_of_their_texts() {
        let response = json!({
            "data": [{ "index": 1, "embedding": [3, 4.5] }, { "index": 0, "embedding": [1, 2] }],
            "usage": { "prompt_tokens": 7 },
        });
        let vectors = Vectors::read(&response, 2).unwrap();
        assert_eq!(vectors.vectors, [vec![1.0, 2.0], vec![3.0, 4.5]]);
        let wrong = [
            json!({}),
            json!({ "data": [{ "index": 2, "embedding": [1] }] }),
            json!({ "data": [{ "index": -1, "embedding": [1] }] }),
            json!({ "data": [{ "index": 0, "embedding": [] }] }),
            json!({ "data": [{ "index": 0, "embedding": [1e300] }] }),
            json!({ "data": [{ "index": 0, "embedding": [1] }, { "index": 0, "embedding": [1] }] }),
            json!({ "data": [{ "index": 0, "embedding": [1] }] }),
        ];
        let errors: Vec<_> = wrong.iter().map(|response| error(Vectors::read(response, 2))).collect();
        insta::assert_snapshot!(errors.join("\n"), @"
        the response of the server is not an answer: it has no `data`
        the response of the server is not an answer: it has an embedding for a text that was not sent
        the response of the server is not an answer: it has an embedding for a text that was not sent
        the response of the server is not an answer: an embedding is not a list of 1 to 65,536 numbers
        the response of the server is not an answer: an embedding has an element that is not a finite number
        the response of the server is not an answer: it has two embeddings for one text
        the response of the server is not an answer: the embedding of a text is missing
        ");
    }
}
