//! One request and its response, on the network's thread.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use wasmtime_wasi_http::{Error as Code, RequestOptions};

use super::body::{BodyPart, Copy, RequestBody, ResponseBody};
use super::client::{ClientState, ReadyGrant};
use super::connect;
use super::connection::Connection;
use super::error::RequestError;
use super::notices::Notices;
use super::pool::Key;
use super::store::{ResponseKey, StoreEntry, StoredResponse};
use super::tap::{RequestTap, observed};
use crate::grants::{HttpUrl, RecordedExchange, Recorder, Redactor};
use crate::units::{format_duration, format_size};

/// Parts of a response that wait for the guest to read them.
const WAITING_PARTS: usize = 2;
/// Time for a connection to become ready for its next request, after the end of a response.
const READY: Duration = Duration::from_secs(1);

/// A request that its grant allows.
pub(super) struct Exchange {
    pub(super) client: Arc<ClientState>,
    /// The index of the grant.
    pub(super) grant: usize,
    pub(super) url: HttpUrl,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: RequestBody,
    pub(super) options: RequestOptions,
    pub(super) notices: Arc<Notices>,
    /// Records the exchange in the log of the instance.
    pub(super) tap: Option<RequestTap>,
}

/// Sends the head of a response to the guest.
type Reply = oneshot::Sender<Result<Response<ResponseBody>, Code>>;

impl Exchange {
    /// Passes on the stored response, or sends the request. Returns after the last byte of the response.
    pub(super) async fn run(self, reply: Reply) {
        let Some(store) = self.client.store.clone() else { return self.send(reply, None).await };
        let (method, url) = (self.method.to_string(), self.url.to_string());
        let (body, again) = match self.body.collected().await {
            Ok(body) => body,
            Err(code) => {
                let detail = "the body of the request is too large, or was broken off";
                let error = RequestError::new(code, detail);
                self.tap.iter().for_each(|tap| tap.failed(&error));
                let _ = reply.send(Err(self.notices.add(&method, &url, error)));
                return;
            }
        };
        let key = ResponseKey::new(&method, &self.url, &self.headers, &body, &self.client.grants[self.grant].grant);
        let exchange = Self { body: again, ..self };
        let entry = StoreEntry { store, key };
        match entry.get().await {
            Some(stored) => {
                exchange.tap.iter().for_each(|tap| tap.sending(&body));
                answer(reply, stored, exchange.tap).await;
            }
            None => exchange.send(reply, Some(entry)).await,
        }
    }

    /// Sends the request, and passes on the response, which is stored if there is an entry.
    async fn send(self, reply: Reply, entry: Option<StoreEntry>) {
        let client = Arc::clone(&self.client);
        let ready = &client.grants[self.grant];
        let limits = *ready.grant.own_limits();
        let Ok(place) = Arc::clone(&ready.places).acquire_owned().await else { return };
        if let Some(pace) = &ready.pace {
            pace.wait().await;
        }
        let deadline = Instant::now() + limits.time;
        let (notices, method, url) = (Arc::clone(&self.notices), self.method.to_string(), self.url.to_string());
        let tap = self.tap.clone();
        let failed = |error: RequestError| {
            tap.as_ref().inspect(|tap| tap.broken_off(&error));
            notices.add(&method, &url, error)
        };
        let (options, key) = (self.options, Key::new(self.grant, &self.url));
        let recorder = client.recorder.as_ref().filter(|recorder| recorder.begin()).cloned();
        let is_recorded = recorder.is_some() || entry.is_some();
        let copy = is_recorded.then(Copy::default);
        let mut record = is_recorded.then(|| Record::new(recorder, entry, &self, copy.clone().unwrap_or_default()));
        let exchange = Self { body: observed(self.body, tap.clone(), copy), ..self };
        let head =
            timeout_at(deadline, Box::pin(exchange.head(ready, &key))).await.unwrap_or_else(|_| Err(late(limits.time)));
        let (response, connection) = match head {
            Ok(head) => head,
            Err(error) => {
                let _ = reply.send(Err(failed(error)));
                return;
            }
        };
        if let Some(record) = &mut record {
            record.head(&response);
        }
        tap.as_ref().inspect(|tap| tap.head(response.status(), response.headers()));
        let (parts, receiver) = mpsc::channel(WAITING_PARTS);
        let (head, incoming) = response.into_parts();
        if reply.send(Ok(Response::from_parts(head, ResponseBody::new(receiver)))).is_err() {
            return;
        }
        let pump = Pump {
            parts: &parts,
            redactor: &client.redactor,
            limit: limits.response_bytes,
            options,
            record: &mut record,
            tap: tap.as_ref(),
        };
        let end = match timeout_at(deadline, pump.run(incoming)).await.unwrap_or_else(|_| Err(late(limits.time))) {
            Ok(()) => {
                if let Some(record) = record {
                    record.finish().await;
                }
                tap.iter().for_each(RequestTap::end);
                give_back(Arc::clone(&client), key, connection, place);
                BodyPart::End
            }
            Err(error) => BodyPart::Failed(failed(error)),
        };
        let _ = parts.send(end).await;
    }

    /// Sends the request, and returns the head of the response.
    async fn head(
        self,
        ready: &ReadyGrant,
        key: &Key,
    ) -> Result<(Response<Incoming>, Option<Connection>), RequestError> {
        let Self { client, url, method, mut headers, mut body, options, .. } = self;
        if let Some((name, value)) = &ready.secret {
            headers.insert(name.clone(), value.clone());
        }
        loop {
            let pooled = client.pool.take(key);
            let is_pooled = pooled.is_some();
            let mut connection = if let Some(connection) = pooled {
                connection
            } else {
                let opened = connect::open(&client.services, &ready.grant, method.as_str(), &url);
                let opened = within(options.connect_timeout, opened).await;
                opened.ok_or_else(|| RequestError::new(Code::ConnectionTimeout, "no connection in time"))??
            };
            if let Connection::Http2(shared) = &connection
                && !is_pooled
            {
                client.pool.put(key.clone(), Connection::Http2(shared.clone()));
            }
            let request = request(&url, &method, &headers, body, connection.is_http2())?;
            let sent = within(options.first_byte_timeout, connection.send(request)).await;
            let sent = sent.ok_or_else(|| RequestError::new(Code::ConnectionReadTimeout, "no first byte in time"))?;
            match sent {
                Ok(response) => {
                    let response = checked(response, ready.grant.own_limits().response_bytes)?;
                    let connection = is_reusable(&response).then_some(connection);
                    return Ok((masked(response, &client.redactor), connection));
                }
                Err(mut error) => match error.take_message() {
                    // The server closed a connection that had waited, and has not seen this request.
                    Some(request) if is_pooled => {
                        body = request.into_body();
                        client.pool.forget_closed();
                    }
                    _ => return Err(error.into_error().into()),
                },
            }
        }
    }
}

/// Creates the request as it is sent: to the URL that was compared with the grants.
fn request(
    url: &HttpUrl,
    method: &Method,
    headers: &HeaderMap,
    body: RequestBody,
    is_http2: bool,
) -> Result<Request<RequestBody>, RequestError> {
    let invalid = |error: &dyn std::fmt::Display| RequestError::new(Code::HttpRequestUriInvalid, error.to_string());
    let path = url.path_and_query();
    let uri = if is_http2 { format!("{}://{}{path}", url.scheme.name(), url.authority()) } else { path };
    let mut request = Request::new(body);
    *request.uri_mut() = uri.parse::<Uri>().map_err(|error| invalid(&error))?;
    *request.method_mut() = method.clone();
    *request.headers_mut() = headers.clone();
    request.headers_mut().remove(HOST);
    if is_http2 {
        *request.version_mut() = Version::HTTP_2;
    } else {
        let host = HeaderValue::from_str(&url.authority()).map_err(|error| invalid(&error))?;
        request.headers_mut().insert(HOST, host);
    }
    Ok(request)
}

/// Refuses a response whose head says that it is too large, or that the connection is no longer one of HTTP.
fn checked(response: Response<Incoming>, limit: u64) -> Result<Response<Incoming>, RequestError> {
    if response.status().is_informational() {
        let detail = format!("the server answered with the status {}, which was not asked for", response.status());
        return Err(RequestError::new(Code::HttpProtocolError, detail));
    }
    match response.body().size_hint().exact() {
        Some(bytes) if bytes > limit => Err(too_large(limit)),
        _ => Ok(response),
    }
}

fn too_large(limit: u64) -> RequestError {
    let detail = format!("the response is larger than the limit `response-bytes = \"{}\"`", format_size(limit));
    RequestError::new(Code::HttpResponseBodySize(Some(limit)), detail)
}

/// Returns whether another request may follow on the connection. Two lengths are a sign of a request that was smuggled into
/// it.
fn is_reusable(response: &Response<Incoming>) -> bool {
    let headers = response.headers();
    !(headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING))
}

/// Returns the error of a response that is not complete in time.
fn late(limit: Duration) -> RequestError {
    let detail = format!("no complete response within the limit `time = \"{}\"`", format_duration(limit));
    RequestError::new(Code::HttpResponseTimeout, detail)
}

/// Covers secrets in the headers, and removes those whose names contain one.
fn masked(mut response: Response<Incoming>, redactor: &Redactor) -> Response<Incoming> {
    mask(response.headers_mut(), redactor);
    response
}

fn mask(headers: &mut HeaderMap, redactor: &Redactor) {
    if redactor.is_empty() {
        return;
    }
    let is_in_name = |name: &&HeaderName| redactor.is_in_name(name.as_str());
    let names: Vec<HeaderName> = headers.keys().filter(is_in_name).cloned().collect();
    for name in names {
        headers.remove(name);
    }
    for value in headers.values_mut() {
        let mut bytes = value.as_bytes().to_vec();
        redactor.mask(&mut bytes);
        if bytes != value.as_bytes()
            && let Ok(masked) = HeaderValue::from_bytes(&bytes)
        {
            *value = masked;
        }
    }
}

/// Passes the body of a response on.
struct Pump<'a> {
    parts: &'a mpsc::Sender<BodyPart>,
    redactor: &'a Redactor,
    limit: u64,
    options: RequestOptions,
    record: &'a mut Option<Record>,
    tap: Option<&'a RequestTap>,
}

impl Pump<'_> {
    async fn run(mut self, mut incoming: Incoming) -> Result<(), RequestError> {
        let mut masker = self.redactor.masker();
        let mut received: u64 = 0;
        loop {
            let frame = within(self.options.between_bytes_timeout, incoming.frame()).await;
            let frame = frame.ok_or_else(|| RequestError::new(Code::ConnectionReadTimeout, "no next byte in time"))?;
            let Some(frame) = frame else { break };
            match frame?.into_data() {
                Ok(data) => {
                    received = received.saturating_add(data.len() as u64);
                    if received > self.limit {
                        return Err(too_large(self.limit));
                    }
                    self.pass(Frame::data(masker.push(data))).await;
                }
                Err(frame) => {
                    self.pass(Frame::data(masker.finish())).await;
                    if let Ok(mut trailers) = frame.into_trailers() {
                        mask(&mut trailers, self.redactor);
                        self.pass(Frame::trailers(trailers)).await;
                    }
                }
            }
        }
        self.pass(Frame::data(masker.finish())).await;
        Ok(())
    }

    async fn pass(&mut self, frame: Frame<bytes::Bytes>) {
        if let (Some(tap), Some(data)) = (self.tap, frame.data_ref()) {
            tap.received(data);
        }
        if let (Some(record), Some(data)) = (self.record.as_mut(), frame.data_ref()) {
            record.exchange.body.extend_from_slice(data);
        }
        if frame.data_ref().is_none_or(|data| !data.is_empty()) {
            // A guest that is gone has dropped the body, which ends this task.
            let _ = self.parts.send(BodyPart::Frame(frame)).await;
        }
    }
}

/// Passes a stored response on.
async fn answer(reply: Reply, stored: StoredResponse, tap: Option<RequestTap>) {
    let StoredResponse { status, headers, body } = stored;
    if let Some(tap) = tap {
        tap.head(status, &headers);
        tap.received(&body);
        tap.end();
    }
    let (parts, receiver) = mpsc::channel(WAITING_PARTS);
    let mut response = Response::new(ResponseBody::new(receiver));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    // A guest that is gone receives nothing.
    let _ = reply.send(Ok(response));
    let _ = parts.send(BodyPart::Frame(Frame::data(body.into()))).await;
    let _ = parts.send(BodyPart::End).await;
}

/// An exchange that is recorded or stored.
struct Record {
    recorder: Option<Recorder>,
    entry: Option<StoreEntry>,
    exchange: RecordedExchange,
    headers: HeaderMap,
    request_body: Copy,
}

impl Record {
    fn new(recorder: Option<Recorder>, entry: Option<StoreEntry>, exchange: &Exchange, request_body: Copy) -> Self {
        let (method, url) = (exchange.method.to_string(), exchange.url.with_query());
        let (headers, body) = (Vec::new(), Vec::new());
        let exchange = RecordedExchange { method, url, request_body: Vec::new(), status: 0, headers, body };
        Self { recorder, entry, exchange, headers: HeaderMap::new(), request_body }
    }

    fn head(&mut self, response: &Response<Incoming>) {
        self.exchange.status = response.status().as_u16();
        self.headers.clone_from(response.headers());
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        self.exchange.headers.extend(response.headers().iter().map(|(name, value)| (name.to_string(), text(value))));
    }

    async fn finish(self) {
        let Self { recorder, entry, mut exchange, headers, request_body } = self;
        if let (Some(entry), Ok(status)) = (entry, StatusCode::from_u16(exchange.status))
            && StoredResponse::is_lasting(status)
        {
            entry.put(StoredResponse { status, headers, body: exchange.body.clone() }).await;
        }
        if let Some(recorder) = recorder {
            exchange.request_body.clone_from(&request_body.lock());
            recorder.add(exchange);
        }
    }
}

/// Returns the connection to the pool when it is ready for its next request, and then frees the place of this one. It is a
/// task of its own, since the instance may end now.
fn give_back(client: Arc<ClientState>, key: Key, connection: Option<Connection>, place: OwnedSemaphorePermit) {
    let Some(connection) = connection else { return };
    tokio::spawn(async move {
        if !connection.is_http2()
            && let Ok(Some(connection)) = timeout(READY, connection.ready()).await
        {
            client.pool.put(key, connection);
        }
        drop(place);
    });
}

/// Waits for a future, at most for this time if there is one.
async fn within<T>(time: Option<Duration>, future: impl Future<Output = T>) -> Option<T> {
    match time {
        Some(time) => timeout(time, future).await.ok(),
        None => Some(future.await),
    }
}
