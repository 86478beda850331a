//! A grant for requests by HTTP.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use super::address::refused;
use super::header::SecretHeader;
use super::url_rule::{HttpUrl, UrlProblem, UrlRule};

/// Requests that a step may send: to URLs below one, by listed methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpGrant {
    rule: UrlRule,
    methods: Vec<String>,
    secret: Option<SecretHeader>,
    addresses: Vec<SocketAddr>,
    /// Whether addresses that are not public need not be listed.
    any_address: bool,
    limits: HttpLimits,
}

/// Limits of the requests of one grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpLimits {
    /// Wall-clock time of one request, from the lookup of the name to the last byte of the response. Waiting for one of the
    /// `concurrency` places, or for `requests_per_minute`, does not count. Default 30 s.
    pub time: Duration,
    /// Bytes of the body of one request. Default 8 MiB.
    pub request_bytes: u64,
    /// Bytes of the body of one response, as they are received. Default 8 MiB. The head of a response may have 64 KiB,
    /// whatever this limit is.
    pub response_bytes: u64,
    /// Requests that one call of the step may send, which is a batch; for a source or an aggregate, a call of `process` or
    /// `finish`. Default 10,000.
    pub requests: u64,
    /// Requests of the step that are sent at the same time, over all threads of the run; others wait. Default 16.
    pub concurrency: u32,
    /// Requests of the step that are sent in a minute, over all threads of the run, at even distances; others wait. Default no
    /// limit.
    pub requests_per_minute: Option<NonZeroU32>,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            request_bytes: 8 << 20,
            response_bytes: 8 << 20,
            requests: 10_000,
            concurrency: 16,
            requests_per_minute: None,
        }
    }
}

impl HttpLimits {
    /// Returns the smaller one of each limit.
    #[must_use]
    pub fn smallest(self, other: &Self) -> Self {
        Self {
            time: self.time.min(other.time),
            request_bytes: self.request_bytes.min(other.request_bytes),
            response_bytes: self.response_bytes.min(other.response_bytes),
            requests: self.requests.min(other.requests),
            concurrency: self.concurrency.min(other.concurrency),
            requests_per_minute: [self.requests_per_minute, other.requests_per_minute].into_iter().flatten().min(),
        }
    }
}

/// Why a method cannot be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MethodProblem {
    /// It is not the name of a method.
    #[error("is not the name of a method, such as \"GET\" or \"POST\"")]
    Name,
    /// The method opens a tunnel.
    #[error("opens a tunnel through which the host sees nothing")]
    Tunnel,
    /// The method returns the headers of the request, and with them the secret.
    #[error("makes a server return the headers of the request, with their secrets")]
    Echo,
}

impl HttpGrant {
    /// Grants GET requests to URLs that start with this one: scheme, host, port and a prefix of the path. The host may be
    /// `*.example.org` for all subdomains.
    ///
    /// # Errors
    /// The text is not such a URL.
    pub fn new(url: &str) -> Result<Self, UrlProblem> {
        let rule = UrlRule::parse(url)?;
        let methods = vec!["GET".to_owned()];
        let limits = HttpLimits::default();
        Ok(Self { rule, methods, secret: None, addresses: Vec::new(), any_address: false, limits })
    }

    /// Sets the methods. Default: GET alone.
    ///
    /// # Errors
    /// A text is not a method, or one that cannot be granted: CONNECT and TRACE.
    pub fn methods<M: AsRef<str>>(mut self, methods: impl IntoIterator<Item = M>) -> Result<Self, MethodProblem> {
        self.methods.clear();
        for method in methods {
            let method = method_name(method.as_ref())?;
            if !self.methods.contains(&method) {
                self.methods.push(method);
            }
        }
        Ok(self)
    }

    /// Adds addresses that may be connected to although they are not public, each with its port.
    #[must_use]
    pub fn addresses(mut self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.addresses.extend(addresses);
        self
    }

    /// Permits all addresses, for requests that neither a guest nor a pipeline file has a part in.
    #[must_use]
    pub(crate) fn any_address(mut self) -> Self {
        self.any_address = true;
        self
    }

    /// Sets a header with a secret, which the host adds to each request.
    #[must_use]
    pub fn secret(mut self, secret: SecretHeader) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: HttpLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns the URL, normalised.
    pub fn url(&self) -> String {
        self.rule.to_string()
    }

    /// Returns the names of the methods.
    pub fn method_names(&self) -> &[String] {
        &self.methods
    }

    pub(crate) fn rule(&self) -> &UrlRule {
        &self.rule
    }

    pub(crate) fn covers(&self, url: &HttpUrl) -> bool {
        self.rule.covers(url)
    }

    pub(crate) fn allows_method(&self, method: &str) -> bool {
        self.methods.iter().any(|own| own == method)
    }

    pub(crate) fn secret_header(&self) -> Option<&SecretHeader> {
        self.secret.as_ref()
    }

    pub(crate) fn listed_addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(crate) fn own_limits(&self) -> &HttpLimits {
        &self.limits
    }

    pub(crate) fn cap(&mut self, ceiling: &HttpLimits) {
        self.limits = self.limits.smallest(ceiling);
    }

    /// Returns why this address is refused, or `None` if it may be connected to. A grant whose URL has an address for a host
    /// lists that address.
    pub(crate) fn refused(&self, address: IpAddr, port: u16) -> Option<&'static str> {
        let pair = SocketAddr::from((address, port));
        if self.any_address || self.addresses.contains(&pair) || self.rule.address() == Some(pair) {
            return None;
        }
        refused(address)
    }
}

/// Returns the name of a method in upper case, as servers expect it.
fn method_name(text: &str) -> Result<String, MethodProblem> {
    let method = text.to_ascii_uppercase();
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(MethodProblem::Name);
    }
    match method.as_str() {
        "CONNECT" => Err(MethodProblem::Tunnel),
        "TRACE" | "TRACK" => Err(MethodProblem::Echo),
        _ => Ok(method),
    }
}
