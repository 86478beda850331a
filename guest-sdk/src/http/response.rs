//! Responses.

use std::fmt;
use std::time::Duration;

use crate::{Error, Result};

/// A response, with its whole body.
pub struct Response {
    /// The request, as `GET https://example.org/`, for messages.
    request: String,
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// Bytes of an error's body that a message quotes.
const QUOTED: usize = 200;

impl Response {
    /// Creates a response, for unit tests.
    pub fn new(status: u16, headers: Vec<(String, Vec<u8>)>, body: impl Into<Vec<u8>>) -> Self {
        Self { request: "the request".into(), status, headers, body: body.into() }
    }

    #[cfg(target_arch = "wasm32")]
    pub(super) fn to(mut self, request: String) -> Self {
        self.request = request;
        self
    }

    /// Returns the status code.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns whether the status code is one of success: 200 to 299.
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// Returns the first value of a header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Returns all headers, with names in lower case.
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// Returns the body, whatever the status is.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the response if its status is one of success.
    ///
    /// # Errors
    /// The status is another one. The error is transient for 408, 425, 429 and 5xx, and then has the delay of the response.
    #[track_caller]
    pub fn error_for_status(self) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let quoted = quoted(&self.body);
        let body = if quoted.is_empty() { String::new() } else { format!(": {quoted}") };
        let message = format!("{} returned the status {}{body}", self.request, self.status);
        if !matches!(self.status, 408 | 425 | 429 | 500..) {
            return Err(Error::new(message));
        }
        let error = Error::transient(message);
        let delay = self.header("retry-after").and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
        Err(match delay {
            Some(delay) => error.retry_after(delay),
            None => error,
        })
    }

    /// Returns the body of a successful response.
    ///
    /// # Errors
    /// As [`error_for_status`](Self::error_for_status).
    #[track_caller]
    pub fn bytes(self) -> Result<Vec<u8>> {
        Ok(self.error_for_status()?.body)
    }

    /// Returns the body of a successful response as text.
    ///
    /// # Errors
    /// As [`error_for_status`](Self::error_for_status); the body is not UTF-8.
    #[track_caller]
    pub fn text(self) -> Result<String> {
        let response = self.error_for_status()?;
        String::from_utf8(response.body).map_err(|error| {
            Error::new(format_args!("{} returned text that is not UTF-8: {}", response.request, error.utf8_error()))
        })
    }

    /// Returns the body of a successful response, parsed as JSON: into a [`serde_json::Value`], or any type of serde.
    ///
    /// # Errors
    /// As [`error_for_status`](Self::error_for_status); the body is not JSON of this type.
    #[track_caller]
    pub fn json<T: serde_core::de::DeserializeOwned>(self) -> Result<T> {
        let response = self.error_for_status()?;
        serde_json::from_slice(&response.body).map_err(|error| {
            let message = format!("{} did not return the expected JSON: {}", response.request, quoted(&response.body));
            Error::from(error).context(message)
        })
    }
}

/// Returns the begin of a body in one line, for messages.
fn quoted(body: &[u8]) -> String {
    let start = String::from_utf8_lossy(&body[..body.len().min(QUOTED)]);
    let words = start.split_whitespace().collect::<Vec<_>>().join(" ");
    if body.len() > QUOTED { format!("{words} …") } else { words }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> Response {
        Response::new(status, vec![("retry-after".into(), b"7".to_vec())], body)
    }

    #[test]
    fn a_status_of_failure_is_an_error_where_the_body_is_used() {
        assert_eq!(response(200, "a").text().unwrap(), "a");
        assert_eq!(response(404, "a").body(), b"a");
        let error = response(404, "no\n such page").text().unwrap_err();
        assert_eq!(error.message(), "the request returned the status 404: no such page");
        let transient = response(503, "").text().unwrap_err();
        assert_eq!(transient.message(), "the request returned the status 503");
        assert_eq!(response(200, "[1]").json::<Vec<u8>>().unwrap(), [1]);
        assert!(response(200, "<html>").json::<Vec<u8>>().unwrap_err().message().contains("<html>"));
    }
}
