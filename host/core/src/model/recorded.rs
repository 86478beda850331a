//! Recorded answers, which take the place of a server in the cases of a step.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line of `answers.jsonl`: the answer to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordedAnswer {
    /// The part of a step that the model plays, as in `models`. Default `default`.
    #[serde(default = "default_role", skip_serializing_if = "is_default_role")]
    pub model: String,
    /// The JSON of the request. Without it, and without `contains`, the line answers any request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
    /// A text that the JSON of the request contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// The text of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The embedding of the text of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Vec<f32>>,
    /// The message of an error, instead of an answer: the server rejects the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

fn default_role() -> String {
    "default".into()
}

fn is_default_role(role: &str) -> bool {
    role == "default"
}

impl RecordedAnswer {
    pub(crate) fn new(role: &str, request: Value) -> Self {
        let (contains, answer, embedding, error) = (None, None, None, None);
        Self { model: role.to_owned(), request: Some(request), contains, answer, embedding, error }
    }
}

/// The recorded answers of a case. The first line that fits a request answers it; if a step sends the same request again in a batch,
/// the next line that fits does, and the last one all further ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordedAnswers {
    lines: Arc<[RecordedAnswer]>,
}

impl RecordedAnswers {
    /// Uses these lines.
    pub fn new(lines: impl IntoIterator<Item = RecordedAnswer>) -> Self {
        Self { lines: lines.into_iter().collect() }
    }

    /// Reads the lines of a file.
    ///
    /// # Errors
    /// The number of the first line that is not one, and the problem.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let line = |(index, line): (usize, &str)| {
            let line: RecordedAnswer = serde_json::from_str(line).map_err(|error| (index + 1, error.to_string()))?;
            let count = [line.answer.is_some(), line.embedding.is_some(), line.error.is_some()];
            if count.iter().filter(|is_some| **is_some).count() != 1 {
                return Err((index + 1, "a line has one of `answer`, `embedding` and `error`".into()));
            }
            Ok(line)
        };
        Ok(Self::new(lines.map(line).collect::<Result<Vec<_>, _>>()?))
    }

    /// Returns the answer to a request that was sent `occurrence` times before, of those that `is_kind` is true for.
    pub(crate) fn answer(
        &self,
        role: &str,
        (request, occurrence): (&Value, u32),
        is_kind: impl Fn(&RecordedAnswer) -> bool,
    ) -> Option<&RecordedAnswer> {
        let fits = |line: &&RecordedAnswer| {
            line.model == role
                && is_kind(line)
                && line.request.as_ref().is_none_or(|own| own == request)
                && line.contains.as_ref().is_none_or(|part| contains(request, part))
        };
        self.lines.iter().filter(fits).take(occurrence as usize + 1).last()
    }
}

/// Returns whether any text in the JSON contains a part.
fn contains(value: &Value, part: &str) -> bool {
    match value {
        Value::String(text) => text.contains(part),
        Value::Array(values) => values.iter().any(|value| contains(value, part)),
        Value::Object(members) => members.values().any(|value| contains(value, part)),
        _ => false,
    }
}

/// Collects the answers that a step received. Clones collect into the same list.
#[derive(Debug, Clone, Default)]
pub struct AnswerRecorder {
    lines: Arc<Mutex<Vec<RecordedAnswer>>>,
}

impl PartialEq for AnswerRecorder {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.lines, &other.lines)
    }
}

impl AnswerRecorder {
    pub(crate) fn add(&self, line: RecordedAnswer) {
        self.lines.lock().push(line);
    }

    /// Returns the answers so far, sorted by their requests.
    pub fn take(&self) -> Vec<RecordedAnswer> {
        let mut lines = std::mem::take(&mut *self.lines.lock());
        lines.sort_by_cached_key(|line| (line.model.clone(), line.request.as_ref().map(Value::to_string)));
        lines
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_next_line_that_fits_answers_an_equal_request() {
        let lines = "{\"contains\":\"sky\",\"answer\":\"blue\"}\n\n{\"contains\":\"sky\",\"answer\":\"grey\"}\n\
                     {\"model\":\"judge\",\"answer\":\"5\"}\n{\"request\":{\"prompt\":\"sea\"},\"error\":\"too deep\"}\n";
        let recorded = RecordedAnswers::parse(lines).unwrap();
        let sky = json!({ "messages": [{ "content": [{ "text": "the sky is" }] }] });
        let answer = |occurrence| recorded.answer("default", (&sky, occurrence), |_| true).unwrap().answer.clone();
        assert_eq!([0, 1, 2].map(answer).map(Option::unwrap), ["blue", "grey", "grey"]);
        let sea = recorded.answer("default", (&json!({ "prompt": "sea" }), 0), |_| true).unwrap();
        assert_eq!(sea.error.as_deref(), Some("too deep"));
        assert!(recorded.answer("default", (&json!({ "prompt": "land" }), 0), |_| true).is_none());
        assert!(recorded.answer("judge", (&sky, 0), |line| line.embedding.is_some()).is_none());
        assert!(recorded.answer("critic", (&sky, 0), |_| true).is_none());
    }

    #[test]
    fn lines_that_are_no_answers_are_reported_with_their_number() {
        for (text, line) in [
            ("{\"answer\":\"a\"}\n{\"answer\":", 2),
            ("{}", 1),
            ("\n{\"answer\":\"a\",\"error\":\"b\"}", 2),
            ("{\"answers\":\"a\"}", 1),
        ] {
            assert_eq!(RecordedAnswers::parse(text).unwrap_err().0, line, "{text}");
        }
    }
}
