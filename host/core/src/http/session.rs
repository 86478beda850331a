//! The requests of one instance.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_body_util::combinators::UnsyncBoxBody;
use hyper::header::HeaderName;
use hyper::{Method, Request, Response};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error as Code, ForbiddenHeaderFilter, RequestOptions, WasiBody};

use super::body::{LimitedBody, ResponseBody};
use super::client::Client;
use super::error::RequestError;
use super::exchange::Exchange;
use super::notices::Notices;
use super::replay::Replayed;
use super::tap::{LoggedExchange, RequestTap, names};
use super::task::AbortOnDrop;
use crate::grants::{Denial, HttpLimits, HttpUrl};
use crate::instance_log::InstanceLog;

/// The requests of one instance. When it is dropped, they end.
pub(crate) struct RequestSession {
    client: Option<Arc<Client>>,
    notices: Arc<Notices>,
    /// Requests of the current call, by grant.
    sent: Vec<u64>,
    tasks: Vec<OpenRequest>,
    /// The number of tasks at which those that have ended are removed from the list.
    clean_up_at: usize,
    is_broken_off: Arc<AtomicBool>,
    /// Records or replays the responses.
    log: Option<InstanceLog>,
}

/// A request that may not have ended.
struct OpenRequest {
    task: AbortHandle,
    method: Method,
    url: HttpUrl,
}

/// A request that is on its way: its response, and the task that gets it.
type Started = (oneshot::Receiver<Result<Response<ResponseBody>, Code>>, AbortOnDrop<()>);

/// Where a request went.
enum Sent {
    /// To its server, unless it was denied.
    Started(Result<Started, Code>),
    /// To the recorded responses.
    Replayed(Box<Replayed>),
    /// To the log of the instance.
    Logged(Box<LoggedExchange>),
}

/// Tasks that are listed before those that have ended are looked for.
const LISTED_TASKS: usize = 64;

/// Headers that guests may not set, besides those of [`DEFAULT_FORBIDDEN_HEADERS`]: they decide how the message is framed,
/// and the host does.
const FRAMING: [&str; 3] = ["expect", "te", "trailer"];

impl RequestSession {
    /// Creates the requests of an instance; without a client, all are denied.
    pub(crate) fn new(client: Option<Arc<Client>>, notices: Arc<Notices>, log: Option<InstanceLog>) -> Self {
        let sent = vec![0; client.as_ref().map_or(0, |client| client.shared.grants.len())];
        let (tasks, clean_up_at, is_broken_off) = (Vec::new(), LISTED_TASKS, Arc::default());
        Self { client, notices, sent, tasks, clean_up_at, is_broken_off, log }
    }

    /// Starts a call.
    pub(crate) fn begin(&mut self) {
        self.sent.fill(0);
        self.notices.begin();
    }

    /// Returns whether the guest may not set a header. Forbidden headers are removed from responses, too.
    pub(crate) fn is_forbidden(&self, name: &HeaderName) -> bool {
        is_forbidden(self.client.as_deref(), name)
    }

    /// Returns [`is_forbidden`](Self::is_forbidden) as a function, for tasks.
    pub(crate) fn forbidden_headers(&self) -> ForbiddenHeaderFilter {
        let client = self.client.clone();
        Arc::new(move |name| is_forbidden(client.as_deref(), name))
    }

    /// Returns the first request that has not ended, as method and URL, and the number of the others.
    pub(crate) fn open_requests(&self) -> Option<(String, usize)> {
        let mut open = self.tasks.iter().filter(|open| !open.task.is_finished());
        let first = open.next()?;
        Some((format!("{} {}", first.method, first.url), open.count()))
    }

    /// Starts a request, and returns its response. Dropping the future, or the body of the response, ends the request.
    pub(crate) fn send(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> impl Future<Output = Result<Response<WasiBody>, Code>> + Send + use<> {
        let sent = match &self.client {
            client if let Some(log) = self.answering_log(&request, client.is_some()) => {
                let notices = Arc::clone(&self.notices);
                let default = || HttpLimits::default().request_bytes;
                let limit = client.as_ref().map_or_else(default, |client| client.shared.request_bytes());
                Sent::Logged(Box::new(LoggedExchange { log, notices, request, limit }))
            }
            Some(client) if !client.shared.recorded.is_empty() => {
                let (client, notices) = (Arc::clone(&client.shared), Arc::clone(&self.notices));
                Sent::Replayed(Box::new(Replayed { client, notices, request }))
            }
            _ => Sent::Started(self.start(request, options)),
        };
        async move {
            let (response, task) = match sent {
                Sent::Started(started) => started?,
                Sent::Replayed(replayed) => return replayed.answer().await,
                Sent::Logged(exchange) => return exchange.answer().await,
            };
            // If the task was aborted, the instance is about to end.
            let response: Response<ResponseBody> = response.await.unwrap_or(Err(Code::ConnectionTerminated))?;
            Ok(response.map(|body| UnsyncBoxBody::new(body.ends(task))))
        }
    }

    /// Returns the log that answers a request: that of a replay, unless it lacks the request and another way is granted.
    fn answering_log(&self, request: &Request<WasiBody>, has_client: bool) -> Option<InstanceLog> {
        let log = self.log.as_ref().filter(|log| log.is_replay())?;
        let is_logged = || log.has_request(request.method().as_str(), &names(&request.uri().to_string()).0);
        (!has_client || is_logged()).then(|| log.clone())
    }

    fn start(&mut self, request: Request<WasiBody>, options: Option<RequestOptions>) -> Result<Started, Code> {
        let (parts, body) = request.into_parts();
        let method = parts.method.as_str();
        let record = self.log.as_ref().filter(|log| !log.is_replay());
        let tap = record.map(|log| RequestTap::new(log, method, &names(&parts.uri.to_string()).0));
        let denied = |denial| {
            let error = RequestError::denied(Code::HttpRequestDenied, denial);
            tap.as_ref().inspect(|tap| tap.failed(&error));
            self.notices.add(method, "", error)
        };
        let url = HttpUrl::parse(&parts.uri.to_string())
            .map_err(|problem| denied(Denial::never(format!("send {method}"), format!("its URL {problem}"))))?;
        let grants = self.client.as_ref().map_or(&[][..], |client| &client.shared.grants);
        let covering = || grants.iter().enumerate().filter(|(_, ready)| ready.grant.covers(&url));
        let Some((index, ready)) = covering().find(|(_, ready)| ready.grant.allows_method(method)) else {
            return Err(denied(match covering().next() {
                Some((_, ready)) => Denial::method(method, &url, &ready.grant.url(), ready.grant.method_names()),
                None => Denial::no_grant(method, &url),
            }));
        };
        let failed = |error| {
            tap.as_ref().inspect(|tap| tap.failed(&error));
            self.notices.add(method, &url.to_string(), error)
        };
        let limits = ready.grant.own_limits();
        if self.sent[index] >= limits.requests {
            let detail = format!("the step has sent {} requests in this call, its limit `requests`", limits.requests);
            return Err(failed(RequestError::new(Code::ConnectionLimitReached, detail)));
        }
        let client = self.client.as_ref().ok_or(Code::HttpRequestDenied)?;
        let runtime = client.network.runtime().map_err(|error| {
            failed(RequestError::new(Code::InternalError(None), format!("no thread can be started: {error}")))
        })?;
        self.sent[index] += 1;
        let (reply, response) = oneshot::channel();
        let (method, open_url) = (parts.method.clone(), url.clone());
        let task = runtime.spawn(
            Exchange {
                client: Arc::clone(&client.shared),
                grant: index,
                body: LimitedBody::new(body, limits.request_bytes, Arc::clone(&self.is_broken_off)),
                url,
                method: parts.method,
                headers: parts.headers,
                options: options.unwrap_or_default(),
                notices: Arc::clone(&self.notices),
                tap: tap.clone(),
            }
            .run(reply),
        );
        if self.tasks.len() >= self.clean_up_at {
            self.tasks.retain(|open| !open.task.is_finished());
            self.clean_up_at = LISTED_TASKS.max(2 * self.tasks.len());
        }
        self.tasks.push(OpenRequest { task: task.abort_handle(), method, url: open_url });
        Ok((response, AbortOnDrop::from(task)))
    }
}

fn is_forbidden(client: Option<&Client>, name: &HeaderName) -> bool {
    DEFAULT_FORBIDDEN_HEADERS.contains(name)
        || FRAMING.contains(&name.as_str())
        || client.is_some_and(|client| client.is_secret_header(name))
}

impl Drop for RequestSession {
    fn drop(&mut self) {
        self.is_broken_off.store(true, Ordering::Release);
        // The handles of the guest's own table would do so as well, but only when this thread polls its next batch.
        for open in &self.tasks {
            open.task.abort();
        }
    }
}
