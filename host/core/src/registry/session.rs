//! The conversation with one registry or web server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use url::Url;

use super::credential::Credential;
use super::credentials::Found;
use super::error::RegistryErrorKind;
use super::hop::{Relation, refused, relation};
use super::options::{TransferLimits, TransferOptions};
use crate::grants::{Grants, HttpGrant, HttpLimits, HttpUrl, Redactor, Secret};
use crate::http::{CallError, CallRequest, CallWaits, Client, Network};
use crate::interrupt::POLL_INTERVAL;
use crate::text::shown;

/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// A conversation. It remembers the token that the registry has given.
pub(super) struct Session {
    network: Arc<Network>,
    pub(super) limits: TransferLimits,
    /// The root of the server that the user has named.
    pub(super) home: HttpUrl,
    /// The name in the registry. Empty for a web server.
    pub(super) repository: String,
    /// The rights that tokens are asked for.
    pub(super) actions: &'static str,
    found: Found,
    authorization: Option<HeaderValue>,
    /// Removes credentials from texts of servers. `None` if some cannot be recognised, and no text is shown.
    redactor: Option<Redactor>,
    secrets: Vec<Secret>,
}

/// A request to the server.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: HttpUrl,
    /// The media types of the answer. Empty for any.
    pub(super) accept: &'static str,
    pub(super) body: Option<(&'static str, Bytes)>,
    pub(super) max_bytes: u64,
    /// The name of the answer in messages.
    pub(super) what: &'static str,
}

/// A complete answer, and the URL that it came from.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) url: HttpUrl,
}

/// The error of a registry, by the distribution specification, and that of token servers.
#[derive(Deserialize)]
struct ErrorAnswer {
    #[serde(default)]
    errors: Vec<ErrorEntry>,
    details: Option<String>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    code: Option<String>,
    message: Option<String>,
}

impl Session {
    pub(super) fn new(
        name_servers: &[SocketAddr],
        options: &TransferOptions,
        home: HttpUrl,
        (repository, actions): (String, &'static str),
        found: Found,
    ) -> Self {
        let network = Arc::new(Network::new(name_servers.to_vec()));
        let (limits, secrets) = (options.limits, Vec::new());
        let redactor = Some(Redactor::default());
        let mut session =
            Self { network, limits, home, repository, actions, found, authorization: None, redactor, secrets };
        let own = match session.credential() {
            Some(Credential::Password { password, .. }) => Some(password),
            Some(Credential::Identity(token) | Credential::Token(token)) => Some(token),
            None => None,
        };
        if let Some(secret) = own {
            session.keep_secret(&secret);
        }
        session
    }

    /// Runs a conversation on the thread of its connections, until it ends or the interrupt is triggered.
    ///
    /// # Errors
    /// Those of the conversation, or it was stopped.
    pub(super) fn run<T, F>(
        mut self,
        options: &TransferOptions,
        conversation: impl FnOnce(Self) -> F,
    ) -> Result<T, RegistryErrorKind>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, RegistryErrorKind>> + Send + 'static,
    {
        use std::sync::mpsc::{RecvTimeoutError, channel};
        let failed = |home: &HttpUrl, problem: String| connection(home, problem);
        let client = self.client(&Grants::default()).map_err(|problem| failed(&self.home, problem))?;
        let home = self.home.clone();
        let (reply, answer) = channel();
        self.authorization = None;
        let conversation = conversation(self);
        // Ends the requests when the wait ends.
        let _task = client
            .spawn(async move {
                let _ = reply.send(conversation.await);
            })
            .map_err(|error| failed(&home, error.to_string()))?;
        loop {
            match answer.recv_timeout(POLL_INTERVAL) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Disconnected) => return Err(RegistryErrorKind::Cancelled),
                Err(RecvTimeoutError::Timeout) => {
                    options.interrupt.poll();
                    if options.interrupt.is_triggered() {
                        return Err(RegistryErrorKind::Cancelled);
                    }
                }
            }
        }
    }

    /// Sends a request, with a token if the registry wants one, and follows redirects of requests without a body.
    ///
    /// # Errors
    /// No complete answer came, or a server leads elsewhere. An answer with an error status is no error.
    pub(super) async fn ask(&mut self, ask: &Ask) -> Result<Answer, RegistryErrorKind> {
        let answer = self.follow(ask).await?;
        let is_own = relation(&self.home, &answer.url) == Relation::SameServer;
        // A token may have expired in the meantime, so every request gets one attempt with a new one.
        if answer.status != StatusCode::UNAUTHORIZED || !is_own {
            return Ok(answer);
        }
        let Some(authorization) = self.authorize(&answer).await? else { return Ok(answer) };
        self.authorization = Some(authorization);
        self.follow(ask).await
    }

    async fn follow(&self, ask: &Ask) -> Result<Answer, RegistryErrorKind> {
        let mut url = ask.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.call(self.request(ask, &url), ask.what, ask.max_bytes).await?;
            let can_follow = answer.status.is_redirection() && ask.body.is_none();
            let Some(location) = answer.headers.get(LOCATION).filter(|_| can_follow) else { return Ok(answer) };
            url = self.location(&url, location)?;
        }
        let problem = format!("{} redirects without an end", self.home.authority());
        Err(RegistryErrorKind::Malformed(problem))
    }

    fn request(&self, ask: &Ask, url: &HttpUrl) -> CallRequest {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(if ask.accept.is_empty() { "*/*" } else { ask.accept }));
        if let Some((content_type, _)) = &ask.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(authorization) = &self.authorization
            && relation(&self.home, url) == Relation::SameServer
        {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let body = ask.body.as_ref().map(|(_, body)| body.clone()).unwrap_or_default();
        // The answer to a large body takes as long as the body.
        let waits = if body.is_empty() { self.waits() } else { CallWaits { head: None, ..self.waits() } };
        CallRequest { method: ask.method.clone(), url: url.clone(), headers, body, waits }
    }

    /// Resolves the header `location` of an answer.
    ///
    /// # Errors
    /// It is no URL, or one that is not followed.
    pub(super) fn location(&self, from: &HttpUrl, location: &HeaderValue) -> Result<HttpUrl, RegistryErrorKind> {
        let malformed = || RegistryErrorKind::Malformed(format!("{} leads to a place that is not a URL", from.host));
        let text = location.to_str().map_err(|_| malformed())?;
        let url = Url::parse(&from.with_query()).and_then(|from| from.join(text)).map_err(|_| malformed())?;
        let url = HttpUrl::parse(url.as_str()).map_err(|_| malformed())?;
        match refused(from, &url) {
            Some(why) => Err(self.led(from, &url, &format!("which {why}"))),
            None => Ok(url),
        }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// No complete answer came.
    pub(super) async fn call(
        &self,
        request: CallRequest,
        what: &'static str,
        max_bytes: u64,
    ) -> Result<Answer, RegistryErrorKind> {
        let url = request.url.clone();
        let limits = HttpLimits {
            time: self.limits.time,
            request_bytes: u64::MAX,
            response_bytes: max_bytes,
            requests: u64::MAX,
            ..HttpLimits::default()
        };
        // The user has named this server, so a private address is meant. Others are chosen by the server.
        let grant = HttpGrant::new(&self.home.to_string()).map_err(|problem| connection(&url, problem.to_string()))?;
        let grant = grant.limits(limits);
        let is_other = relation(&self.home, &url) == Relation::Other;
        let mut grants = Grants::default();
        grants.add(if is_other { grant } else { grant.any_address() });
        let client = self.client(&grants).map_err(|problem| connection(&url, problem))?;
        match client.caller().call(request).await {
            Ok(answer) => Ok(Answer { status: answer.status, headers: answer.headers, body: answer.body, url }),
            Err(CallError::TooLarge(_)) => Err(RegistryErrorKind::TooLarge { what, limit: max_bytes }),
            Err(CallError::Denied(why)) => Err(self.led(&self.home, &url, &format!("whose address is refused: {why}"))),
            Err(CallError::Failed(problem)) => Err(connection(&url, self.redacted(&problem))),
        }
    }

    fn client(&self, grants: &Grants) -> Result<Client, String> {
        Client::new(Arc::clone(&self.network), grants, &BTreeMap::new(), Redactor::default(), None, None)
    }

    pub(super) fn waits(&self) -> CallWaits {
        let TransferLimits { connection, idle, .. } = self.limits;
        CallWaits { connection: Some(connection), head: Some(idle), part: Some(idle) }
    }

    pub(super) fn credential(&self) -> Option<Credential> {
        self.found.credential.clone()
    }

    /// Removes this text from what servers say.
    pub(super) fn keep_secret(&mut self, secret: &str) {
        match Secret::new(secret.to_owned()) {
            Ok(secret) => {
                self.secrets.push(secret);
                self.redactor = self.redactor.take().map(|_| Redactor::new(&self.secrets));
            }
            Err(_) => self.redactor = None,
        }
    }

    fn redacted(&self, text: &str) -> String {
        self.redactor.as_ref().map_or_else(String::new, |redactor| redactor.redact(text).into_owned())
    }

    /// Creates the error of a server that leads elsewhere.
    pub(super) fn led(&self, from: &HttpUrl, to: &HttpUrl, why: &str) -> RegistryErrorKind {
        let server = |url: &HttpUrl| format!("{}://{}", url.scheme.name(), url.authority());
        RegistryErrorKind::Led { from: server(from), to: server(to), why: self.redacted(why) }
    }

    /// Creates the error of an answer with another status than was expected.
    pub(super) fn error_of(&self, answer: &Answer) -> RegistryErrorKind {
        let host = answer.url.authority();
        let text = match message(&answer.body) {
            Some(message) => format!("{} ({})", answer.status, shown(&self.redacted(&message))),
            None => answer.status.to_string(),
        };
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if !self.repository.is_empty() => {
                let credentials = self.found.note.clone();
                RegistryErrorKind::Rejected { host, answer: text, name: self.repository.clone(), credentials }
            }
            StatusCode::NOT_FOUND => RegistryErrorKind::NotFound { host, answer: text, file: None },
            _ => RegistryErrorKind::Status { host, answer: text },
        }
    }
}

/// Returns the message in the body of an error.
fn message(body: &[u8]) -> Option<String> {
    let ErrorAnswer { errors, details } = serde_json::from_slice(body).ok()?;
    let entry = |entry: ErrorEntry| match (entry.code, entry.message) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => code.or(message),
    };
    errors.into_iter().find_map(entry).or(details)
}

fn connection(url: &HttpUrl, problem: String) -> RegistryErrorKind {
    // rustls says so of an answer that is not TLS.
    let is_plain = problem.contains("InvalidContentType");
    let problem =
        if is_plain { "it does not speak TLS, and plain HTTP is for this machine only".into() } else { problem };
    RegistryErrorKind::Connection { host: url.authority(), problem }
}
