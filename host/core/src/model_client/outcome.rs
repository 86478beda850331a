//! The meaning of a server's response.

use std::time::Duration;

use serde_json::Value;

use super::pace::asked_pause;
use crate::http::{CallError, CallResponse};
use crate::model::{AnswerError, ModelFailure, ModelSettings};
use crate::text::cut;

/// The outcome of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The JSON of the response.
    Answer(Value),
    /// The server rejects this request; another one may succeed.
    Rejected(AnswerError),
    /// The server takes no more requests at the moment.
    Limited(PassingError),
    /// The server or the network failed.
    Failed(PassingError),
    /// No request can succeed.
    Fatal(ModelFailure),
}

/// An error that may pass.
#[derive(Debug)]
pub(super) struct PassingError {
    pub(super) message: String,
    /// The time to wait that the server asks for.
    pub(super) pause: Option<Duration>,
}

/// Bytes of a server's message in a record.
const MESSAGE_BYTES: usize = 2 << 10;

impl Outcome {
    /// Classifies a response, or the error instead of one.
    pub(super) fn of(result: Result<CallResponse, CallError>, settings: &ModelSettings) -> Self {
        let response = match result {
            Ok(response) => response,
            Err(CallError::Failed(message) | CallError::TooLarge(message)) => {
                return Self::Failed(PassingError { message, pause: None });
            }
            Err(CallError::Denied(reason)) => {
                return Self::Fatal(ModelFailure {
                    message: format!("model \"{}\" cannot be reached: its address is refused", settings.name),
                    causes: vec![reason],
                    hint: "if the address is meant, list it with its port in `addresses` of the model".into(),
                });
            }
        };
        let status = response.status;
        if status.is_success() {
            return match serde_json::from_slice(&response.body) {
                Ok(json) => Self::Answer(json),
                Err(error) => {
                    let message = format!("the response of the server is not JSON: {error}");
                    Self::Failed(PassingError { message, pause: None })
                }
            };
        }
        let said = error_message(&response.body);
        let message = if said.is_empty() { format!("status {status}") } else { format!("status {status}: {said}") };
        let problem = || PassingError { message: message.clone(), pause: asked_pause(&response.headers) };
        match status.as_u16() {
            // No quota is left; waiting does not help.
            429 if said.contains("insufficient_quota") => {
                Self::fatal(settings, &message, "check the account of the model's provider")
            }
            429 | 529 => Self::Limited(problem()),
            503 if response.headers.contains_key("retry-after") => Self::Limited(problem()),
            408 | 409 | 425 | 500..=599 => Self::Failed(problem()),
            401 | 402 | 403 | 407 => {
                Self::fatal(settings, &message, "check the `key` of the model and the secret that it names")
            }
            404 | 405 | 410 => Self::fatal(settings, &message, "check `url` and `model` of the model"),
            400..=499 => Self::Rejected(AnswerError::rejected(format!("the server rejects the request: {message}"))),
            _ => Self::fatal(settings, &message, "check `url` of the model; redirects are not followed"),
        }
    }

    fn fatal(settings: &ModelSettings, cause: &str, hint: &str) -> Self {
        Self::Fatal(ModelFailure {
            message: format!("the server of model \"{}\" accepts no request", settings.name),
            causes: vec![cause.to_owned()],
            hint: hint.to_owned(),
        })
    }
}

/// Returns the text of a server's error: its message with its code, or the start of the body.
fn error_message(body: &[u8]) -> String {
    let text =
        |value: &Value| value.as_str().map(ToOwned::to_owned).or_else(|| value.as_i64().map(|code| code.to_string()));
    let message = serde_json::from_slice::<Value>(body).ok().map(|json| {
        let error = json.get("error").unwrap_or(&json);
        let message = error.get("message").or_else(|| error.get("detail")).unwrap_or(error);
        let message = text(message).unwrap_or_else(|| message.to_string());
        match error.get("code").and_then(text).or_else(|| error.get("type").and_then(text)) {
            Some(code) if !message.contains(&code) => format!("{message} ({code})"),
            _ => message,
        }
    });
    let message =
        message.unwrap_or_else(|| String::from_utf8_lossy(&body[..body.len().min(MESSAGE_BYTES)]).trim().to_owned());
    cut(&message, MESSAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::header::HeaderValue;
    use hyper::{HeaderMap, StatusCode};

    use super::*;

    fn outcome(status: u16, body: &'static str, retry_after: Option<&'static str>) -> String {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert("retry-after", HeaderValue::from_static(value));
        }
        let status = StatusCode::from_u16(status).unwrap();
        let response = CallResponse { status, headers, body: Bytes::from_static(body.as_bytes()) };
        match Outcome::of(Ok(response), &ModelSettings::new("writer", "http://localhost/v1", "m")) {
            Outcome::Answer(json) => format!("answer {json}"),
            Outcome::Rejected(error) => format!("rejected: {}", error.message),
            Outcome::Limited(problem) => format!("limited {:?}: {}", problem.pause, problem.message),
            Outcome::Failed(problem) => format!("failed {:?}: {}", problem.pause, problem.message),
            Outcome::Fatal(failure) => format!("fatal: {}: {} ({})", failure.message, failure.causes[0], failure.hint),
        }
    }

    #[test]
    fn each_status_has_its_meaning() {
        let outcomes = [
            outcome(200, "{\"a\": 1}", None),
            outcome(200, "{\"a\": ", None),
            outcome(429, "{\"error\": {\"message\": \"slow down\", \"code\": \"rate_limit\"}}", Some("1.5")),
            outcome(429, "{\"error\": {\"message\": \"no money\", \"code\": \"insufficient_quota\"}}", None),
            outcome(503, "", Some("3")),
            outcome(503, "<html>down</html>", None),
            outcome(500, "{\"error\": \"oops\"}", None),
            outcome(400, "{\"error\": {\"message\": \"too long\", \"type\": \"context_length_exceeded\"}}", None),
            outcome(422, "{\"detail\": [{\"msg\": \"bad\"}]}", None),
            outcome(401, "{\"error\": {\"message\": \"bad key\"}}", None),
            outcome(404, "no such model", None),
            outcome(302, "", None),
        ];
        insta::assert_snapshot!(outcomes.join("\n"), @r#"
        answer {"a":1}
        failed None: the response of the server is not JSON: EOF while parsing a value at line 1 column 6
        limited Some(1.5s): status 429 Too Many Requests: slow down (rate_limit)
        fatal: the server of model "writer" accepts no request: status 429 Too Many Requests: no money (insufficient_quota) (check the account of the model's provider)
        limited Some(3s): status 503 Service Unavailable
        failed None: status 503 Service Unavailable: <html>down</html>
        failed None: status 500 Internal Server Error: oops
        rejected: the server rejects the request: status 400 Bad Request: too long (context_length_exceeded)
        rejected: the server rejects the request: status 422 Unprocessable Entity: [{"msg":"bad"}]
        fatal: the server of model "writer" accepts no request: status 401 Unauthorized: bad key (check the `key` of the model and the secret that it names)
        fatal: the server of model "writer" accepts no request: status 404 Not Found: no such model (check `url` and `model` of the model)
        fatal: the server of model "writer" accepts no request: status 302 Found (check `url` of the model; redirects are not followed)
        "#);
    }
}
