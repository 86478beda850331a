//! References to components in registries.

use std::fmt;

use super::digest::Digest;
use super::error::ReferenceError;
use crate::grants::{HttpUrl, UrlHost, UrlProblem};

/// The longest name in a registry, in bytes, as the distribution specification recommends.
const MAX_NAME: usize = 255;
/// The longest tag, in bytes, by the specification.
const MAX_TAG: usize = 128;

/// The name of Docker Hub.
const DOCKER_HUB: &str = "docker.io";
/// The host that serves Docker Hub.
const DOCKER_HUB_SERVER: &str = "registry-1.docker.io";
/// The names that clients know Docker Hub by.
const DOCKER_HUB_NAMES: [&str; 3] = [DOCKER_HUB, "index.docker.io", DOCKER_HUB_SERVER];
/// The key of Docker Hub in the configuration of Docker.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// A component in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciReference {
    /// The host, with a port if there is one.
    pub(crate) registry: String,
    pub(crate) repository: String,
    pub(crate) tag: Option<String>,
    /// The digest of the manifest.
    pub(crate) digest: Option<Digest>,
}

impl OciReference {
    /// Parses the part after `oci://`.
    pub(super) fn parse(text: &str) -> Result<Self, ReferenceError> {
        let (name, digest) = match text.rsplit_once('@') {
            // A user name would be read as a part of the name otherwise.
            Some((name, digest)) if !digest.contains('/') => (name, Some(Digest::parse(digest)?)),
            _ => (text, None),
        };
        let (host, path) = name.split_once('/').unwrap_or((name, ""));
        if host.contains('@') {
            return Err(ReferenceError::Url(UrlProblem::UserInfo));
        }
        if !is_host(host) {
            return Err(ReferenceError::NoRegistry { host: host.to_owned(), rest: text.to_owned() });
        }
        let registry = normalised(host).ok_or_else(|| ReferenceError::Host(host.to_owned()))?;
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.to_owned())),
            None => (path, None),
        };
        if !is_name(path) {
            return Err(ReferenceError::Name(path.to_owned()));
        }
        if let Some(tag) = tag.as_ref().filter(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag(tag.clone()));
        }
        let is_short = registry == DOCKER_HUB && !path.contains('/');
        let repository = if is_short { format!("library/{path}") } else { path.to_owned() };
        Ok(Self { registry, repository, tag, digest })
    }

    /// Returns the tag, or that which all clients of registries use if there is none.
    pub(crate) fn tag_or_latest(&self) -> &str {
        self.tag.as_deref().unwrap_or("latest")
    }

    /// Returns the URL of the registry's server. It is `http` for this machine alone.
    pub(crate) fn server(&self) -> HttpUrl {
        let host = if self.registry == DOCKER_HUB { DOCKER_HUB_SERVER } else { &self.registry };
        let parse = |scheme| HttpUrl::parse(&format!("{scheme}://{host}/")).expect("it was parsed before");
        let url = parse("https");
        if is_loopback(&url.host) { parse("http") } else { url }
    }

    /// Returns the names by which the configuration of Docker may have the registry. The first is that which `docker login` and
    /// credential helpers use.
    pub(crate) fn credential_keys(&self) -> Vec<&str> {
        if self.registry == DOCKER_HUB {
            [DOCKER_HUB_KEY].into_iter().chain(DOCKER_HUB_NAMES).collect()
        } else {
            vec![&self.registry]
        }
    }
}

impl fmt::Display for OciReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

/// Returns whether a host is that of this machine.
pub(crate) fn is_loopback(host: &UrlHost) -> bool {
    match host {
        UrlHost::Name(name) => name == "localhost",
        UrlHost::Address(address) => address.is_loopback(),
    }
}

/// Returns whether the first part of a name is a host, by the rule of Docker.
fn is_host(text: &str) -> bool {
    text == "localhost" || text.contains(['.', ':'])
}

/// Returns the host in the form in which it is compared.
fn normalised(host: &str) -> Option<String> {
    let parse = |scheme| HttpUrl::parse(&format!("{scheme}://{host}/")).ok();
    let url = parse("https").filter(|url| !is_loopback(&url.host)).or_else(|| parse("http"))?;
    // A host with other parts of a URL is read differently.
    let authority = url.authority();
    let is_plain =
        !host.contains(['?', '#', '*', '%']) && host.to_ascii_lowercase().starts_with(&*url.host.to_string());
    let authority = if DOCKER_HUB_NAMES.contains(&&*authority) { DOCKER_HUB.to_owned() } else { authority };
    is_plain.then_some(authority)
}

fn is_name(path: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let is_inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        is_end(bytes.first())
            && is_end(bytes.last())
            && bytes.iter().all(|byte| is_inner(*byte))
            && !part.contains("..")
    };
    path.len() <= MAX_NAME && path.split('/').all(is_part)
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_inner = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'-');
    (1..=MAX_TAG).contains(&tag.len()) && is_word(tag.as_bytes()[0]) && tag.bytes().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        let server = |text: &str| OciReference::parse(text).unwrap().server().to_string();
        assert_eq!(server("localhost:5000/a"), "http://localhost:5000/");
        assert_eq!(server("127.0.0.2/a"), "http://127.0.0.2/");
        assert_eq!(server("[::1]:5000/a"), "http://[::1]:5000/");
        assert_eq!(server("localhost.example.org/a"), "https://localhost.example.org/");
        assert_eq!(server("10.0.0.1:5000/a"), "https://10.0.0.1:5000/");
        assert_eq!(server("docker.io/a"), "https://registry-1.docker.io/");
        assert_eq!(server("index.docker.io/a/b"), "https://registry-1.docker.io/");
    }

    #[test]
    fn docker_hub_has_a_key_of_its_own() {
        let keys = |text: &str| OciReference::parse(text).unwrap().credential_keys().join(" ");
        assert_eq!(keys("docker.io/a"), "https://index.docker.io/v1/ docker.io index.docker.io registry-1.docker.io");
        assert_eq!(keys("GHCR.io:443/a"), "ghcr.io");
        assert_eq!(keys("ghcr.io:8443/a"), "ghcr.io:8443");
    }
}
