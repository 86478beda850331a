//! Stored responses: for a step with `cache = "responses"`, the response to an equal request of an earlier call or run.
//!
//! A response is stored when it is complete, and before the step has seen its end, so a run that is stopped and resumed does not
//! send that request again. Secrets are covered in it already.

use std::fmt;
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::grants::{HttpGrant, HttpUrl};

/// The directory of the stored responses. An entry that cannot be read is a miss, which costs a request.
pub(crate) trait ResponseStore: fmt::Debug + Send + Sync {
    /// Returns what is stored under a key.
    fn response(&self, key: &ResponseKey) -> Option<Vec<u8>>;

    /// Stores bytes under a key.
    fn store_response(&self, key: &ResponseKey, bytes: &[u8]);
}

/// Part of every key. Its last digit changes with the content of the key.
const DOMAIN: &[u8] = b"stillbox-response-1";

/// The digest of everything that a request consists of, except for the values of secrets. Requests come from guests, and a collision
/// would give a wrong response, so the digest is cryptographic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResponseKey(pub(crate) [u8; 32]);

impl ResponseKey {
    pub(super) fn new(method: &str, url: &HttpUrl, headers: &HeaderMap, body: &[u8], grant: &HttpGrant) -> Self {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        };
        add(DOMAIN);
        add(method.as_bytes());
        add(url.with_query().as_bytes());
        let mut sorted: Vec<(&[u8], &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())).collect();
        sorted.sort_unstable();
        add(&(sorted.len() as u64).to_le_bytes());
        for (name, value) in sorted {
            add(name);
            add(value);
        }
        // Another account may get another response.
        if let Some(secret) = grant.secret_header() {
            add(secret.name().as_bytes());
            secret.secrets().for_each(|name| add(name.as_bytes()));
        }
        add(body);
        Self(digest.finalize().into())
    }
}

/// The head of a stored response; the body follows it.
#[derive(Debug, Serialize, Deserialize)]
struct StoredHead {
    status: u16,
    /// Values are bytes, as characters of Latin-1.
    headers: Vec<(String, String)>,
}

/// A response that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl StoredResponse {
    /// Returns whether a response is stored. Another attempt may not have an error of the server again.
    pub(super) fn is_lasting(status: StatusCode) -> bool {
        !status.is_server_error() && !matches!(status.as_u16(), 408 | 425 | 429)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let text = |value: &HeaderValue| value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
        let headers = self.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let head = StoredHead { status: self.status.as_u16(), headers };
        let head = serde_json::to_vec(&head).expect("a head is text and a number");
        let mut bytes = (head.len() as u32).to_le_bytes().to_vec();
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Returns `None` for bytes that are not such a response.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (head, body) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let StoredHead { status, headers } = serde_json::from_slice(head).ok()?;
        let header = |(name, value): (String, String)| {
            let value: Option<Vec<u8>> = value.chars().map(|character| u8::try_from(character).ok()).collect();
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(&value?).ok()?))
        };
        let mut all = HeaderMap::new();
        for entry in headers.into_iter().map(header) {
            let (name, value) = entry?;
            all.try_append(name, value).ok()?;
        }
        Some(Self { status: StatusCode::from_u16(status).ok()?, headers: all, body: body.to_vec() })
    }
}

/// Where a response is to be stored.
pub(super) struct StoreEntry {
    pub(super) store: Arc<dyn ResponseStore>,
    pub(super) key: ResponseKey,
}

impl StoreEntry {
    /// Returns the stored response.
    pub(super) async fn get(&self) -> Option<StoredResponse> {
        let (store, key) = (Arc::clone(&self.store), self.key);
        let bytes = tokio::task::spawn_blocking(move || store.response(&key)).await.ok()??;
        StoredResponse::decode(&bytes)
    }

    /// Stores a response.
    pub(super) async fn put(self, response: StoredResponse) {
        let Self { store, key } = self;
        // It is stored or it is not; there is no one to report to.
        let _ = tokio::task::spawn_blocking(move || store.store_response(&key, &response.encode())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_survives_encoding() {
        let mut headers = HeaderMap::new();
        headers.append("x-a", HeaderValue::from_bytes(b"\xff\xe9").unwrap());
        headers.append("x-a", HeaderValue::from_static("b"));
        let response = StoredResponse { status: StatusCode::NOT_FOUND, headers, body: b"\0body".to_vec() };
        let bytes = response.encode();
        assert_eq!(StoredResponse::decode(&bytes), Some(response));
        for length in 0..bytes.len() - b"\0body".len() {
            assert_eq!(StoredResponse::decode(&bytes[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn equal_requests_have_equal_keys() {
        let grant = |secret: Option<&str>| {
            let grant = HttpGrant::new("https://a.example/").unwrap();
            match secret {
                Some(value) => grant.secret(crate::grants::SecretHeader::new("x-key", value).unwrap()),
                None => grant,
            }
        };
        let key = |method: &str, url: &str, headers: &[(&'static str, &'static str)], body: &[u8], secret| {
            let headers =
                headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            ResponseKey::new(method, &HttpUrl::parse(url).unwrap(), &headers.collect(), body, &grant(secret))
        };
        let url = "https://a.example/b?c=d";
        let one = key("GET", url, &[("x-a", "1"), ("x-b", "2")], b"", None);
        assert_eq!(one, key("GET", "https://A.example:443/x/../b?c=d", &[("x-b", "2"), ("x-a", "1")], b"", None));
        let others = [
            key("POST", url, &[("x-a", "1"), ("x-b", "2")], b"", None),
            key("GET", "https://a.example/b?c=e", &[("x-a", "1"), ("x-b", "2")], b"", None),
            key("GET", url, &[("x-a", "1")], b"", None),
            key("GET", url, &[("x-a", "1"), ("x-b", "2")], b"x", None),
            key("GET", url, &[("x-a", "1"), ("x-b", "2")], b"", Some("{one}")),
            key("GET", url, &[("x-a", "1"), ("x-b", "2")], b"", Some("{two}")),
        ];
        for (index, other) in others.iter().enumerate() {
            assert!(one != *other && !others[index + 1..].contains(other), "{index}");
        }
    }
}
