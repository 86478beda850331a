//! Answers requests from recorded responses.

use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use wasmtime_wasi_http::{Error as Code, WasiBody};

use super::body::{LimitedBody, whole};
use super::client::ClientState;
use super::error::RequestError;
use super::notices::Notices;
use crate::grants::{Denial, HttpUrl};

/// A request that does not leave the process.
pub(super) struct Replayed {
    pub(super) client: Arc<ClientState>,
    pub(super) notices: Arc<Notices>,
    pub(super) request: Request<WasiBody>,
}

impl Replayed {
    /// Returns the recorded response, after the guest has written its request.
    pub(super) async fn answer(self) -> Result<Response<WasiBody>, Code> {
        let (parts, body) = self.request.into_parts();
        let method = parts.method.as_str();
        let denied = |denial| self.notices.add(method, "", RequestError::denied(Code::HttpRequestDenied, denial));
        let url = HttpUrl::parse(&parts.uri.to_string())
            .map_err(|problem| denied(Denial::never(format!("send {method}"), format!("its URL {problem}"))))?;
        let body = LimitedBody::new(body, self.client.request_bytes(), Arc::default()).collected().await;
        let failed = |code| self.notices.add(method, &url.to_string(), RequestError::of_body(code));
        let (body, _) = body.map_err(failed)?;
        let found = self.client.recorded.iter().find(|exchange| exchange.answers(method, &url, &body));
        let found = found.ok_or_else(|| {
            let reason = "there is no recorded response to it; `stillbox test --record` records them";
            denied(Denial::never(format!("send {method} {url}"), reason))
        })?;
        let headers = found.headers.iter().map(|(name, value)| (&**name, HeaderValue::from_str(value).ok()));
        let body = whole(found.body.clone().into());
        response(found.status, headers, body)
            .ok_or(Code::InternalError(Some("a recorded response is not valid".into())))
    }
}

/// Returns a response that was recorded, or `None` if a part of it is not valid.
pub(super) fn response<'a>(
    status: u16,
    headers: impl Iterator<Item = (&'a str, Option<HeaderValue>)>,
    body: WasiBody,
) -> Option<Response<WasiBody>> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        response.headers_mut().try_append(name, value?).ok()?;
    }
    Some(response)
}
