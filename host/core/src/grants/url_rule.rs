//! URLs of grants and of requests, normalised, and which requests a grant covers.
//!
//! A request is sent to the normalised URL that was compared, never to the text that the guest wrote, so no server can read
//! it in another way than this module does.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::url_path::{has_hidden_dots, normalised_path};

/// The longest URL, in bytes. Servers refuse longer ones.
const MAX_BYTES: usize = 16 << 10;

/// `http` or `https`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The host of a URL: in lower case, as ASCII, without a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum UrlHost {
    Name(String),
    Address(IpAddr),
}

impl fmt::Display for UrlHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// A normalised URL. `Display` leaves out the query, which may contain personal data or keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpUrl {
    pub(crate) scheme: Scheme,
    pub(crate) host: UrlHost,
    pub(crate) port: u16,
    path: String,
    query: Option<String>,
}

/// Why a text is not a URL of a grant or of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlProblem {
    /// It is not a URL.
    #[error("is not a URL")]
    Syntax,
    /// It has another scheme.
    #[error("does not start with `http://` or `https://`")]
    Scheme,
    /// It contains a user name or a password.
    #[error("contains a user name or password")]
    UserInfo,
    /// It contains control characters, spaces or backslashes.
    #[error("contains a space, a backslash or a control character")]
    Character,
    /// It is too long.
    #[error("is longer than 16 KiB")]
    Length,
    /// Its path contains a `..` in another form.
    #[error("contains a form of `.` or `..` in its path, which some servers resolve")]
    HiddenDots,
    /// A grant with a query or fragment.
    #[error("has a query or a fragment; a grant covers every query")]
    Query,
    /// A `*` that is not the first label of the host.
    #[error("contains a `*` that is not the first part of its host, as in `https://*.example.org/`")]
    Wildcard,
    /// A `*` for all names of a top-level domain.
    #[error("covers a whole top-level domain")]
    TopLevel,
}

impl HttpUrl {
    /// Parses and normalises a URL.
    ///
    /// # Errors
    /// It is no URL of HTTP, or one that servers may read differently.
    pub(crate) fn parse(text: &str) -> Result<Self, UrlProblem> {
        if text.len() > MAX_BYTES {
            return Err(UrlProblem::Length);
        }
        // The parser would remove some of these silently.
        if text.chars().any(|character| character.is_control() || matches!(character, ' ' | '\\')) {
            return Err(UrlProblem::Character);
        }
        let url = Url::parse(text).map_err(|_| UrlProblem::Syntax)?;
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(UrlProblem::Scheme),
        };
        let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
            return Err(UrlProblem::UserInfo);
        }
        let host = match url.host().ok_or(UrlProblem::Syntax)? {
            Host::Domain(name) => UrlHost::Name(name.strip_suffix('.').unwrap_or(name).to_owned()),
            Host::Ipv4(address) => UrlHost::Address(address.into()),
            Host::Ipv6(address) => UrlHost::Address(address.into()),
        };
        if matches!(&host, UrlHost::Name(name) if name.is_empty() || name.split('.').any(str::is_empty)) {
            return Err(UrlProblem::Syntax);
        }
        let path = normalised_path(url.path());
        if has_hidden_dots(&path) {
            return Err(UrlProblem::HiddenDots);
        }
        let port = url.port().unwrap_or(scheme.default_port());
        Ok(Self { scheme, host, port, path, query: url.query().map(ToOwned::to_owned) })
    }

    /// Returns the host, with the port if it is not that of the scheme: the value of a `host` header.
    pub(crate) fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Returns the path.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Returns path and query, as they are sent.
    pub(crate) fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// Returns the whole URL.
    pub(crate) fn with_query(&self) -> String {
        format!("{}://{}{}", self.scheme.name(), self.authority(), self.path_and_query())
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.name(), self.authority(), self.path)
    }
}

/// The URLs that a grant covers: scheme, host, port and a prefix of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UrlRule {
    /// Without the `*.` of a wildcard.
    url: HttpUrl,
    /// Whether all subdomains of the host are meant, and not the host itself.
    subdomains: bool,
}

impl UrlRule {
    /// Parses the URL of a grant.
    ///
    /// # Errors
    /// It is no URL of HTTP, has a query, or a `*` in another place than as the first label of its host.
    pub(crate) fn parse(text: &str) -> Result<Self, UrlProblem> {
        let mut url = HttpUrl::parse(text)?;
        if url.query.is_some() || text.contains(['?', '#']) {
            return Err(UrlProblem::Query);
        }
        let mut subdomains = false;
        if let UrlHost::Name(name) = &mut url.host
            && let Some(parent) = name.strip_prefix("*.")
        {
            if !parent.contains('.') {
                return Err(UrlProblem::TopLevel);
            }
            subdomains = true;
            *name = parent.to_owned();
        }
        if matches!(&url.host, UrlHost::Name(name) if name.contains('*')) || url.path.contains('*') {
            return Err(UrlProblem::Wildcard);
        }
        Ok(Self { url, subdomains })
    }

    /// Returns whether a request to this URL is covered.
    pub(crate) fn covers(&self, url: &HttpUrl) -> bool {
        let Self { url: own, subdomains } = self;
        own.scheme == url.scheme
            && own.port == url.port
            && is_below(&own.path, &url.path)
            && match (&own.host, &url.host) {
                (UrlHost::Name(parent), UrlHost::Name(name)) if *subdomains => {
                    name.strip_suffix(parent.as_str()).is_some_and(|label| label.len() > 1 && label.ends_with('.'))
                }
                (own, host) => own == host,
            }
    }

    /// Returns whether every URL that the other rule covers is covered.
    pub(crate) fn covers_all_of(&self, other: &Self) -> bool {
        if other.subdomains && self.url.host == other.url.host {
            let own = &self.url;
            return self.subdomains
                && own.scheme == other.url.scheme
                && own.port == other.url.port
                && is_below(&own.path, &other.url.path);
        }
        self.covers(&other.url) && (!other.subdomains || self.subdomains)
    }

    /// Returns the address, if the host is one, with the port.
    pub(crate) fn address(&self) -> Option<std::net::SocketAddr> {
        match self.url.host {
            UrlHost::Address(address) => Some((address, self.url.port).into()),
            UrlHost::Name(_) => None,
        }
    }
}

impl fmt::Display for UrlRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, subdomains } = self;
        let star = if *subdomains { "*." } else { "" };
        write!(f, "{}://{star}{}{}", url.scheme.name(), url.authority(), url.path)
    }
}

/// Returns whether a path is the prefix, or below it. `/v1` covers `/v1/a` and not `/v10`; `/v1/` does not cover `/v1`.
fn is_below(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(rule: &str, url: &str) -> bool {
        let rule = UrlRule::parse(rule).unwrap();
        HttpUrl::parse(url).is_ok_and(|url| rule.covers(&url))
    }

    #[test]
    fn equal_urls_in_other_spellings_are_covered() {
        for url in [
            "https://api.example.org/v1/items",
            "HTTPS://API.Example.ORG:443/v1/items?q=1#x",
            "https://api.example.org./v1/",
            "https://api.example.org/%76%31/a",
            "https://api.example.org/x/../v1/a",
            "https://api.example.org/v1/%2e%2e/v1/a",
            "https://api.example.org/v1/a%20b/%C3%A9",
            "https://api.example.org/v1//a",
            "https://api.example.org/v1/..a/.well-known/a..b/%C3%80%2e%2ea?x=../..",
        ] {
            assert!(covers("https://api.example.org/v1/", url), "{url}");
        }
        assert!(covers("https://bücher.example/", "https://xn--bcher-kva.example/a"));
        assert!(covers("http://127.0.0.1:8080/", "http://0x7f.1:8080/a"));
    }

    #[test]
    fn other_urls_are_not_covered() {
        for url in [
            "http://api.example.org/v1/a",
            "https://api.example.org:8443/v1/a",
            "https://api.example.org/v1",
            "https://api.example.org/v10/a",
            "https://api.example.org/V1/a",
            "https://api.example.org/v1/../admin",
            "https://api.example.org/v1/%2e%2e/admin",
            "https://api.example.org/v1/..%2fadmin",
            "https://api.example.org/v1/..%5cadmin",
            "https://api.example.org/v1/%252e%252e%252fadmin",
            "https://api.example.org/v1/..;/admin",
            "https://api.example.org/v1/..%00/admin",
            "https://api.example.org/v1/..%20/admin",
            "https://api.example.org/v1/..%0d%0a/admin",
            "https://api.example.org/v1/.../admin",
            "https://api.example.org/v1/..%c0%afadmin",
            "https://api.example.org/v1/%c0%ae%c0%ae/admin",
            "https://api.example.org/v1/%e0%80%ae%e0%80%ae/admin",
            "https://api.example.org/v1/%u002e%u002e/admin",
            "https://api.example.org/v1/%252e%252e/admin",
            "https://api.example.org/v1/%25252e%25252e/admin",
            "https://api.example.org/v1/%2525252525252e%2e/admin",
            "https://api.example.org/v1/\u{2025}/admin",
            "https://api.example.org/v1/\u{ff0e}\u{ff0e}/admin",
            "https://api.example.org/v1/..%ef%bc%8fadmin",
            "https://api.example.org/v1/..\u{2215}admin",
            "https://api.example.org\\@evil.example/v1/",
            "https://api.example.org@evil.example/v1/",
            "https://api.example.org:443@evil.example/v1/",
            "https://@api.example.org/v1/",
            "https://user:key@api.example.org/v1/",
            "https://api.example.org.evil.example/v1/",
            "https://xapi.example.org/v1/",
            "https://evil.example/https://api.example.org/v1/",
            "https://evil.example?x=https://api.example.org/v1/",
            "https://api.example.org\t.evil.example/v1/",
            "https://api.example.org\r\n.evil.example/v1/",
            "ftp://api.example.org/v1/",
            "//api.example.org/v1/",
            "https:///v1/",
        ] {
            assert!(!covers("https://api.example.org/v1/", url), "{url}");
        }
        assert!(!covers("http://127.0.0.1/", "http://127.0.0.2/"));
        assert!(!covers("http://127.0.0.1/", "http://[::ffff:127.0.0.1]/"));
    }

    #[test]
    fn a_wildcard_covers_subdomains_only() {
        let rule = "https://*.example.org/";
        assert!(covers(rule, "https://a.example.org/"));
        assert!(covers(rule, "https://a.b.example.org/x"));
        for url in ["https://example.org/", "https://.example.org/", "https://aexample.org/", "https://a.example.com/"]
        {
            assert!(!covers(rule, url), "{url}");
        }
        for (rule, problem) in [
            ("https://*/", UrlProblem::Wildcard),
            ("https://*.org/", UrlProblem::TopLevel),
            ("https://a.*.org/", UrlProblem::Wildcard),
            ("https://a*.example.org/", UrlProblem::Wildcard),
            ("https://example.org/*", UrlProblem::Wildcard),
            ("https://example.org/?a", UrlProblem::Query),
            ("https://u@example.org/", UrlProblem::UserInfo),
            ("example.org", UrlProblem::Syntax),
            ("ws://example.org", UrlProblem::Scheme),
        ] {
            assert_eq!(UrlRule::parse(rule), Err(problem), "{rule}");
        }
    }

    #[test]
    fn a_rule_covers_narrower_rules() {
        let covers =
            |one: &str, other: &str| UrlRule::parse(one).unwrap().covers_all_of(&UrlRule::parse(other).unwrap());
        assert!(covers("https://*.example.org/", "https://a.example.org/v1/"));
        assert!(covers("https://*.example.org/", "https://*.example.org/v1/"));
        assert!(covers("https://*.example.org/", "https://*.a.example.org/"));
        assert!(!covers("https://*.a.example.org/", "https://*.example.org/"));
        assert!(!covers("https://a.example.org/", "https://*.a.example.org/"));
        assert!(!covers("https://example.org/v1/", "https://example.org/"));
    }

    #[test]
    fn queries_are_sent_and_not_displayed() {
        let url = HttpUrl::parse("https://example.org:8443/a?key=secret").unwrap();
        assert_eq!(url.to_string(), "https://example.org:8443/a");
        assert_eq!(url.path_and_query(), "/a?key=secret");
        assert_eq!(HttpUrl::parse("http://[::1]:80/").unwrap().authority(), "[::1]");
    }
}
