//! Requests of the host itself, to a server that the pipeline file names.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use tokio::sync::oneshot;
use wasmtime_wasi_http::{Error as Code, RequestOptions};

use super::body::{LimitedBody, whole};
use super::client::{Client, ClientState};
use super::exchange::Exchange;
use super::notices::{Notice, Notices};
use super::task::AbortOnDrop;
use crate::grants::{HttpUrl, Redactor};

/// Sends requests under the first grant of a client. It is used on the network's thread.
#[derive(Clone)]
pub(crate) struct Caller {
    client: Arc<ClientState>,
    /// Headers of all requests in addition.
    headers: HeaderMap,
}

/// A complete response.
#[derive(Debug, Clone)]
pub(crate) struct CallResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A request of the host.
#[derive(Debug, Clone)]
pub(crate) struct CallRequest {
    pub(crate) method: Method,
    pub(crate) url: HttpUrl,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) waits: CallWaits,
}

/// The longest waits within a request, besides the limit on its whole time. The default has none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CallWaits {
    /// Until a connection is open.
    pub(crate) connection: Option<Duration>,
    /// From then until the head of the response.
    pub(crate) head: Option<Duration>,
    /// Between two parts of the response.
    pub(crate) part: Option<Duration>,
}

/// Why there is no response.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The address of the server is refused. The text says why.
    Denied(String),
    /// The response is larger than its limit, as the text says.
    TooLarge(String),
    /// No complete response came. The text says why.
    Failed(String),
}

impl Client {
    /// Returns what sends the requests of the host.
    pub(crate) fn caller(&self) -> Caller {
        Caller { client: Arc::clone(&self.shared), headers: HeaderMap::new() }
    }

    /// Starts a task on the network's thread. It ends when the returned value is dropped.
    ///
    /// # Errors
    /// The system refuses to start the thread.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> std::io::Result<AbortOnDrop<()>> {
        Ok(self.network.runtime()?.spawn(task).into())
    }
}

impl Caller {
    /// Adds headers to all requests.
    #[must_use]
    pub(crate) fn headers(self, headers: HeaderMap) -> Self {
        Self { headers, ..self }
    }

    /// Sends JSON, and returns the whole response. Dropping the future ends the request.
    ///
    /// # Errors
    /// The address is refused, or no complete response came in time.
    pub(crate) async fn post_json(&self, url: &HttpUrl, body: Bytes) -> Result<CallResponse, CallError> {
        self.post(url, HeaderValue::from_static("application/json"), body).await
    }

    /// Sends a body of this type, and returns the whole response. Dropping the future ends the request.
    ///
    /// # Errors
    /// The address is refused, or no complete response came in time.
    pub(crate) async fn post(
        &self,
        url: &HttpUrl,
        content_type: HeaderValue,
        body: Bytes,
    ) -> Result<CallResponse, CallError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type);
        let waits = CallWaits::default();
        self.call(CallRequest { method: Method::POST, url: url.clone(), headers, body, waits }).await
    }

    /// Asks for a resource, and returns the whole response. Dropping the future ends the request.
    ///
    /// # Errors
    /// The address is refused, or no complete response came in time.
    pub(crate) async fn get(&self, url: &HttpUrl) -> Result<CallResponse, CallError> {
        let (headers, waits) = (HeaderMap::new(), CallWaits::default());
        self.call(CallRequest { method: Method::GET, url: url.clone(), headers, body: Bytes::new(), waits }).await
    }

    /// Covers secrets in JSON.
    pub(crate) fn redact(&self, json: &mut Value) {
        self.client.redactor.redact_json(json);
    }

    /// Sends a request, and returns the whole response. Redirects are not followed. Dropping the future ends the request.
    ///
    /// # Errors
    /// The address is refused, the response is too large, or no complete response came in time.
    pub(crate) async fn call(&self, request: CallRequest) -> Result<CallResponse, CallError> {
        let CallRequest { method, url, mut headers, body, waits } = request;
        let options = RequestOptions {
            connect_timeout: waits.connection,
            first_byte_timeout: waits.head,
            between_bytes_timeout: waits.part,
        };
        let notices = Arc::new(Notices::default());
        headers.extend(self.headers.clone());
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("stillbox/", env!("CARGO_PKG_VERSION"))));
        let exchange = Exchange {
            client: Arc::clone(&self.client),
            grant: 0,
            url,
            method,
            headers,
            body: LimitedBody::new(whole(body), u64::MAX, Arc::default()),
            options,
            notices: Arc::clone(&notices),
            tap: None,
        };
        let failed = |code: Code| match notices.cause_of("") {
            Some(Notice::Denied(denial)) => CallError::Denied(denial.reason),
            Some(Notice::Failed(_, detail)) if matches!(code, Code::HttpResponseBodySize(_)) => {
                CallError::TooLarge(detail)
            }
            Some(Notice::Failed(_, detail)) => CallError::Failed(detail),
            None => CallError::Failed(code.to_string()),
        };
        let (reply, response) = oneshot::channel();
        let _task = AbortOnDrop::from(tokio::spawn(exchange.run(reply)));
        let response = response.await.unwrap_or(Err(Code::ConnectionTerminated)).map_err(failed)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(failed)?.to_bytes();
        let body = redacted(body, &self.client.redactor);
        Ok(CallResponse { status: parts.status, headers: parts.headers, body })
    }
}

/// Returns a body in which secrets are also covered where escapes of JSON hide them: the host decodes them.
fn redacted(body: Bytes, redactor: &Redactor) -> Bytes {
    if redactor.is_empty() || !body.contains(&b'\\') {
        return body;
    }
    // A body that is not JSON is not decoded.
    let Ok(mut json) = serde_json::from_slice::<Value>(&body) else { return body };
    if redactor.redact_json(&mut json) { json.to_string().into() } else { body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::Secret;

    #[test]
    fn a_secret_that_is_written_with_escapes_is_redacted() {
        let redactor = Redactor::new([&Secret::new("sk-abcdef123456".to_owned()).unwrap()]);
        let of = |body: &'static str| redacted(Bytes::from_static(body.as_bytes()), &redactor);
        let escaped = of(r#"{"a": ["x \u0073k-abcdef12345\u0036 y"], "\u0073k-abcdef123456": 1}"#);
        let json: Value = serde_json::from_slice(&escaped).unwrap();
        let text = json.to_string();
        assert!(!text.contains("sk-abcdef123456") && text.contains("x ") && text.contains(" y"), "{text}");
        assert_eq!(of(r#"{"a": "\n"}"#), r#"{"a": "\n"}"#);
        assert_eq!(of("not JSON \\u0073k"), "not JSON \\u0073k");
    }
}
