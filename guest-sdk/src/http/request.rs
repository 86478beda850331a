//! Requests.

use std::fmt;
use std::time::Duration;

use super::response::Response;
use crate::run::block_on;
use crate::{Error, Result};

/// Sends a GET request, and waits for the whole response.
///
/// # Errors
/// As [`Request::send`].
#[track_caller]
pub fn get(url: &str) -> Result<Response> {
    Request::get(url).send()
}

/// A request to send.
#[derive(Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) timeout: Option<Duration>,
}

impl Request {
    /// Creates a request by any method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self { method: method.into(), url: url.into(), headers: Vec::new(), body: Vec::new(), timeout: None }
    }

    /// Creates a GET request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// Creates a POST request.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// Adds a header. Headers that decide how the message is sent (`host`, `connection`, `transfer-encoding`), and those into
    /// which the host puts a secret, cannot be set.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to JSON text, and the header `content-type` to `application/json`.
    pub fn json(self, json: impl Into<String>) -> Self {
        self.header("content-type", "application/json").body(json.into())
    }

    /// Sets the time to wait for a connection, for the head of the response, and for each part of its body. The grant limits the
    /// time of the whole request in any case.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends the request, and waits for the whole response, whatever its status is.
    ///
    /// # Errors
    /// The request is not granted, the server cannot be reached or does not answer in time, or the response breaks a limit.
    #[track_caller]
    pub fn send(self) -> Result<Response> {
        block_on(self.send_async())
    }

    /// Like [`send`](Self::send), in an `async` step: the other rows of the batch continue meanwhile.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[cfg(target_arch = "wasm32")]
    #[track_caller]
    pub fn send_async(self) -> impl Future<Output = Result<Response>> {
        // Errors are reported at the line that sends the request.
        let location = std::panic::Location::caller();
        async move { super::client::send(self).await.map_err(|error| error.at(location)) }
    }

    /// Fails: there is no network outside of a component.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(target_arch = "wasm32"))]
    #[expect(clippy::unused_async, reason = "in a component it waits")]
    pub async fn send_async(self) -> Result<Response> {
        Err(Error::internal(format_args!("cannot send {self}: requests work in a component only"))
            .hint("test the step with recorded responses: `stillbox test`"))
    }
}

/// Writes the method and the URL without its query, which may contain personal data.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, without_query(&self.url))
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).field("url", &self.url).finish_non_exhaustive()
    }
}

pub(super) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// An error that another attempt may not have.
#[cfg(target_arch = "wasm32")]
pub(super) fn transient(message: impl fmt::Display) -> Error {
    Error::transient(message)
}
