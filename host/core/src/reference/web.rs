//! References to components on web servers.

use std::fmt;

use super::digest::Digest;
use super::error::ReferenceError;
use super::oci::is_loopback;
use crate::grants::{HttpUrl, Scheme};

/// A component on a web server. `Display` leaves out the query, which may contain a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebReference {
    pub(crate) url: HttpUrl,
    /// The digest of the file.
    pub(crate) digest: Option<Digest>,
}

impl WebReference {
    pub(super) fn parse(text: &str) -> Result<Self, ReferenceError> {
        let (url, digest) = match text.split_once('#') {
            Some((url, fragment)) => {
                let digest =
                    fragment.strip_prefix("sha256=").and_then(|digits| Digest::parse(&format!("sha256:{digits}")).ok());
                (url, Some(digest.ok_or_else(|| ReferenceError::Fragment(fragment.to_owned()))?))
            }
            None => (text, None),
        };
        let url = HttpUrl::parse(url).map_err(ReferenceError::Url)?;
        if url.scheme == Scheme::Http && !is_loopback(&url.host) {
            return Err(ReferenceError::PlainHttp);
        }
        Ok(Self { url, digest })
    }

    /// Returns the name of the file, without `.wasm`.
    pub(super) fn short_name(&self) -> &str {
        let path = self.url.path();
        let file = path.rsplit('/').next().unwrap_or_default();
        file.strip_suffix(".wasm").unwrap_or(file)
    }
}

impl fmt::Display for WebReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)?;
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "#sha256={}", digest.digits()))
    }
}
