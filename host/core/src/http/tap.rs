//! A request in the log of its instance, and requests that are answered from such a log.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame};
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Request, Response, StatusCode};
use parking_lot::Mutex;
use wasmtime_wasi_http::{Error as Code, WasiBody};

use super::body::{Copy, LimitedBody};
use super::error::RequestError;
use super::notices::Notices;
use super::replay::response;
use crate::grants::{Denial, HttpUrl};
use crate::instance_log::{InstanceLog, LoggedCode, LoggedError, LoggedRequest, LoggedResponse, RequestNumber};

/// A request that is being logged.
#[derive(Debug, Clone)]
pub(super) struct RequestTap {
    log: InstanceLog,
    /// `None` if the log is full.
    number: Option<RequestNumber>,
    /// The part of the request's body that was sent and is not in the log yet. The log has room for it.
    sent: Arc<Mutex<Vec<u8>>>,
}

impl RequestTap {
    pub(super) fn new(log: &InstanceLog, method: &str, url: &str) -> Self {
        Self { log: log.clone(), number: log.add_request(method, url), sent: Arc::default() }
    }

    /// Adds a part of the body of the request, which is logged with the response.
    pub(super) fn sending(&self, data: &[u8]) {
        if self.log.reserve(self.number, data.len()) {
            self.sent.lock().extend_from_slice(data);
        }
    }

    /// Logs the body of the request, as far as it was sent.
    fn sent(&self) {
        let sent = std::mem::take(&mut *self.sent.lock());
        self.log.update_request(self.number, 0, |request| match &mut request.body {
            Some(body) => body.extend(sent),
            none => *none = Some(sent),
        });
    }

    /// Logs the head of the response, and what was sent before it.
    pub(super) fn head(&self, status: StatusCode, headers: &HeaderMap) {
        self.sent();
        let text = |value: &HeaderValue| value.as_bytes().iter().map(|byte| char::from(*byte)).collect::<String>();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let bytes = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let response = LoggedResponse { status: status.as_u16(), headers, body: Vec::new() };
        self.log.update_request(self.number, bytes, |request| request.response = Some(response));
    }

    /// Logs a part of the body of the response.
    pub(super) fn received(&self, data: &[u8]) {
        self.log.update_request(self.number, data.len(), |request| {
            if let Some(response) = &mut request.response {
                response.body.extend_from_slice(data);
            }
        });
    }

    /// Logs the end of the response.
    pub(super) fn end(&self) {
        self.sent();
        self.log.update_request(self.number, 0, |request| request.is_complete = true);
    }

    /// Logs an error after what was sent.
    pub(super) fn broken_off(&self, error: &RequestError) {
        self.sent();
        self.failed(error);
    }

    /// Logs the error of a request whose body was not read.
    pub(super) fn failed(&self, error: &RequestError) {
        let logged = LoggedError {
            code: from_code(&error.code),
            detail: error.detail.clone(),
            denial: error.denial.as_deref().cloned(),
        };
        let denial = error.denial.as_deref();
        let denied = denial.map_or(0, |denial| size_of_val(denial) + denial.attempt.len() + denial.reason.len());
        // A missing grant repeats the URL of the attempt.
        let bytes = error.detail.len() + 2 * denied;
        self.log.update_request(self.number, bytes, |request| request.error = Some(logged));
    }
}

/// Adds what is sent to a log and to a copy.
pub(super) fn observed(body: LimitedBody, tap: Option<RequestTap>, copy: Option<Copy>) -> LimitedBody {
    if tap.is_none() && copy.is_none() {
        return body;
    }
    body.observed(move |data| {
        if let Some(tap) = &tap {
            tap.sending(data);
        }
        if let Some(copy) = &copy {
            copy.lock().extend_from_slice(data);
        }
    })
}

/// A request that is answered from the log of its instance.
pub(super) struct LoggedExchange {
    pub(super) log: InstanceLog,
    pub(super) notices: Arc<Notices>,
    pub(super) request: Request<WasiBody>,
    /// The most bytes of the request's body that are read, to compare it with the logged ones.
    pub(super) limit: u64,
}

impl LoggedExchange {
    /// Returns the logged response. Waits forever where the instance never got one.
    pub(super) async fn answer(self) -> Result<Response<WasiBody>, Code> {
        let (parts, body) = self.request.into_parts();
        let method = parts.method.as_str();
        let (url, shown) = names(&parts.uri.to_string());
        let denied = || {
            let denial = Denial::never(format!("send {method} {shown}"), NOT_IN_BUNDLE);
            self.notices.add(method, "", RequestError::denied(Code::HttpRequestDenied, denial))
        };
        let unread = self.log.request(method, &url, None);
        let found = if let Some(found) = unread {
            found
        } else if self.log.has_request(method, &url) {
            let failed = |code| self.notices.add(method, &shown, RequestError::of_body(code));
            let held = self.log.hold_bodies();
            let observer = Arc::clone(&held);
            let body = LimitedBody::new(body, self.limit, Arc::default()).bounded(move |bytes| observer.take(bytes));
            let (body, _) = body.collected().await.map_err(failed)?;
            self.log.request(method, &url, Some(&body)).ok_or_else(denied)?
        } else {
            return Err(denied());
        };
        let LoggedRequest { response, error, is_complete, .. } = found;
        let failed = error.map(|LoggedError { code, detail, denial }| {
            let shown = if denial.is_some() { "" } else { &*shown };
            let error = RequestError { code: into_code(code), detail, denial: denial.map(Box::new) };
            self.notices.add(method, shown, error)
        });
        match (response, failed) {
            (Some(response), failed) => {
                let end = match failed {
                    Some(code) => TapEnd::Failed(Some(code)),
                    None if is_complete => TapEnd::Complete,
                    None => TapEnd::Never,
                };
                whole_response(response, end).ok_or(Code::InternalError(Some("a logged response is not valid".into())))
            }
            (None, Some(code)) => Err(code),
            (None, None) => std::future::pending().await,
        }
    }
}

/// The reason for which a request of a replay is denied.
pub(super) const NOT_IN_BUNDLE: &str = "the bundle has no response to it, and a replay uses no network";

/// Returns the URL of a request with its query, and as it is shown in messages.
pub(super) fn names(uri: &str) -> (String, String) {
    match HttpUrl::parse(uri) {
        Ok(url) => (url.with_query(), url.to_string()),
        Err(_) => (uri.to_owned(), String::new()),
    }
}

fn whole_response(logged: LoggedResponse, end: TapEnd) -> Option<Response<WasiBody>> {
    let body = LoggedBody { data: Some(logged.body.into()), end };
    let value = |text: &str| {
        let bytes: Option<Vec<u8>> = text.chars().map(|character| u8::try_from(character).ok()).collect();
        HeaderValue::from_bytes(&bytes?).ok()
    };
    let headers = logged.headers.iter().map(|(name, text)| (&**name, value(text)));
    response(logged.status, headers, UnsyncBoxBody::new(body))
}

/// The body of a logged response.
struct LoggedBody {
    data: Option<Bytes>,
    end: TapEnd,
}

enum TapEnd {
    Complete,
    Failed(Option<Code>),
    /// The rest never came.
    Never,
}

impl Body for LoggedBody {
    type Data = Bytes;
    type Error = Code;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Code>>> {
        if let Some(data) = self.data.take().filter(|data| !data.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match &mut self.end {
            TapEnd::Complete => Poll::Ready(None),
            TapEnd::Failed(code) => Poll::Ready(code.take().map(Err)),
            // The time limit of the call ends it.
            TapEnd::Never => Poll::Pending,
        }
    }
}

/// Returns the code for a log. Codes that the host does not create are logged as internal errors.
fn from_code(code: &Code) -> LoggedCode {
    let named = |name: &str| LoggedCode { name: name.into(), ..LoggedCode::default() };
    let sized = |name: &str, number: Option<u64>| LoggedCode { number, ..named(name) };
    match code {
        Code::HttpRequestBodySize(size) => sized("HTTP-request-body-size", *size),
        Code::HttpResponseBodySize(size) => sized("HTTP-response-body-size", *size),
        Code::HttpResponseHeaderSectionSize(size) => sized("HTTP-response-header-section-size", size.map(u64::from)),
        Code::DnsError { rcode, info_code } => {
            LoggedCode { text: rcode.clone(), ..sized("DNS-error", info_code.map(u64::from)) }
        }
        Code::TlsAlertReceived { alert_id, alert_message } => {
            LoggedCode { text: alert_message.clone(), ..sized("TLS-alert-received", alert_id.map(u64::from)) }
        }
        Code::InternalError(text) => LoggedCode { text: text.clone(), ..named(INTERNAL) },
        other => match PLAIN.iter().find(|(_, plain)| is_same(plain, other)) {
            Some((name, _)) => named(name),
            None => LoggedCode { text: Some(format!("{other:?}")), ..named(INTERNAL) },
        },
    }
}

/// Returns the code of a log. The text comes from a file.
fn into_code(code: LoggedCode) -> Code {
    let LoggedCode { name, number, text } = code;
    let small = || number.and_then(|number| u32::try_from(number).ok());
    match &*name {
        "HTTP-request-body-size" => Code::HttpRequestBodySize(number),
        "HTTP-response-body-size" => Code::HttpResponseBodySize(number),
        "HTTP-response-header-section-size" => Code::HttpResponseHeaderSectionSize(small()),
        "DNS-error" => Code::DnsError { rcode: text, info_code: number.and_then(|number| u16::try_from(number).ok()) },
        "TLS-alert-received" => Code::TlsAlertReceived {
            alert_id: number.and_then(|number| u8::try_from(number).ok()),
            alert_message: text,
        },
        name => match PLAIN.into_iter().find(|(plain, _)| *plain == name) {
            Some((_, code)) => code,
            None => Code::InternalError(text),
        },
    }
}

const INTERNAL: &str = "internal-error";

/// The codes without a payload, by their names in the interface.
const PLAIN: [(&str, Code); 16] = [
    ("DNS-timeout", Code::DnsTimeout),
    ("destination-not-found", Code::DestinationNotFound),
    ("destination-unavailable", Code::DestinationUnavailable),
    ("destination-IP-prohibited", Code::DestinationIpProhibited),
    ("destination-IP-unroutable", Code::DestinationIpUnroutable),
    ("connection-refused", Code::ConnectionRefused),
    ("connection-terminated", Code::ConnectionTerminated),
    ("connection-timeout", Code::ConnectionTimeout),
    ("connection-read-timeout", Code::ConnectionReadTimeout),
    ("connection-limit-reached", Code::ConnectionLimitReached),
    ("TLS-protocol-error", Code::TlsProtocolError),
    ("TLS-certificate-error", Code::TlsCertificateError),
    ("HTTP-request-denied", Code::HttpRequestDenied),
    ("HTTP-response-incomplete", Code::HttpResponseIncomplete),
    ("HTTP-response-timeout", Code::HttpResponseTimeout),
    ("HTTP-protocol-error", Code::HttpProtocolError),
];

fn is_same(one: &Code, other: &Code) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;

    #[test]
    fn the_body_of_a_request_is_counted_once() {
        let log = InstanceLog::record();
        let tap = RequestTap::new(&log, "POST", "https://a.example/");
        // More than half of what a log has room for.
        tap.sending(&vec![1; 7 << 20]);
        tap.head(StatusCode::OK, &HeaderMap::new());
        tap.sending(b"the rest");
        tap.received(b"yes");
        tap.end();
        let content = log.content();
        let [request] = &content.requests[..] else { panic!("{}", content.requests.len()) };
        assert!(request.is_complete && !content.is_incomplete);
        assert_eq!(request.body.as_ref().map(Vec::len), Some((7 << 20) + 8));
        assert_eq!(request.response.as_ref().unwrap().body, b"yes");
    }

    #[test]
    fn a_body_that_the_log_has_no_room_for_is_not_copied() {
        let log = InstanceLog::record();
        let tap = RequestTap::new(&log, "POST", "https://a.example/");
        let part = vec![1; 1 << 20];
        for _ in 0..100 {
            tap.sending(&part);
        }
        assert!(tap.sent.lock().len() <= 12 << 20);
        assert!(log.content().is_incomplete);
    }

    /// Sends a body of this many MiB to a log with one request. Returns what the guest gets, and how many of them were read.
    fn send(method: &str, size: u64) -> (Code, u64) {
        let log = InstanceLog::record();
        let tap = RequestTap::new(&log, "POST", "https://a.example/");
        tap.sending(b"a");
        tap.head(StatusCode::OK, &HeaderMap::new());
        tap.end();
        let read = Arc::new(AtomicU64::new(0));
        let body = Counted { left: size, read: Arc::clone(&read) };
        let mut request = Request::new(UnsyncBoxBody::new(body));
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = "https://a.example/".parse().unwrap();
        let log = InstanceLog::replay(log.content());
        let exchange = LoggedExchange { log, notices: Arc::default(), request, limit: 8 << 20 };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(exchange.answer());
        (answer.expect_err("there is no such response"), read.load(Relaxed))
    }

    /// A body that counts the MiB that are read.
    struct Counted {
        left: u64,
        read: Arc<AtomicU64>,
    }

    impl Body for Counted {
        type Data = Bytes;
        type Error = Code;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Code>>> {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            self.left -= 1;
            self.read.fetch_add(1, Relaxed);
            Poll::Ready(Some(Ok(Frame::data(vec![0; 1 << 20].into()))))
        }
    }

    #[test]
    fn a_replay_reads_a_bounded_part_of_a_body() {
        assert!(matches!(send("POST", 1), (Code::HttpRequestDenied, 1)));
        assert!(matches!(send("POST", 1000), (Code::HttpRequestBodySize(Some(_)), 9)));
        // The log has no such request at all.
        assert!(matches!(send("PUT", 1000), (Code::HttpRequestDenied, 0)));
    }

    #[test]
    fn a_replay_holds_bounded_bodies_of_all_requests_together() {
        let log = InstanceLog::replay(InstanceLog::record().content());
        let bodies: Vec<_> = (0..100).map(|_| log.hold_bodies()).collect();
        let held = bodies.iter().filter(|body| body.take(1 << 20)).count();
        assert_eq!(held, 64);
        drop(bodies);
        assert!(log.hold_bodies().take(1 << 20));
    }

    #[test]
    fn codes_survive_a_log() {
        let codes = PLAIN.into_iter().map(|(_, code)| code).chain([
            Code::HttpRequestBodySize(Some(5)),
            Code::HttpResponseBodySize(None),
            Code::HttpResponseHeaderSectionSize(Some(7)),
            Code::DnsError { rcode: Some("x".into()), info_code: Some(3) },
            Code::TlsAlertReceived { alert_id: Some(40), alert_message: Some("HandshakeFailure".into()) },
            Code::InternalError(None),
        ]);
        for code in codes {
            assert_eq!(format!("{:?}", into_code(from_code(&code))), format!("{code:?}"));
        }
        assert!(matches!(into_code(from_code(&Code::LoopDetected)), Code::InternalError(Some(_))));
    }
}
