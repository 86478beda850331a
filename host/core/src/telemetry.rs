//! Sends telemetry: JSON to a server that the user of a program names.
//!
//! The requests take the way of those of steps, except for the rules about addresses: a collector is usually on this machine or in its
//! network, and neither a guest nor a pipeline file has a part in its address.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use crate::grants::{Grants, HttpGrant, HttpLimits, HttpUrl, Redactor};
use crate::http::{CallError, Caller, Client, Network};

/// The longest request, if the caller waits for as long.
const REQUEST: Duration = Duration::from_secs(30);
/// The most bytes of a response, which nobody reads.
const RESPONSE_BYTES: u64 = 1 << 20;

/// Sends JSON to paths below a URL. It has a thread of its own from the first request on.
pub struct TelemetrySender {
    client: Client,
    caller: Caller,
    /// With a slash at the end.
    url: String,
}

impl TelemetrySender {
    /// Creates a sender that adds these headers to each request.
    ///
    /// # Errors
    /// A message: the URL or a header is not one.
    pub fn new(url: &str, headers: &[(String, String)]) -> Result<Self, String> {
        let url = format!("{}/", url.trim().trim_end_matches('/'));
        let grant = HttpGrant::new(&url).map_err(|problem| format!("`{url}` {problem}"))?;
        let grant = grant.methods(["POST"]).map_err(|problem| problem.to_string())?;
        let limits = HttpLimits {
            time: REQUEST,
            request_bytes: u64::MAX,
            response_bytes: RESPONSE_BYTES,
            requests: u64::MAX,
            ..HttpLimits::default()
        };
        let mut grants = Grants::default();
        grants.add(grant.limits(limits).any_address());
        let network = Arc::new(Network::new(Vec::new()));
        let client = Client::new(network, &grants, &BTreeMap::new(), Redactor::default(), None, None)?;
        let caller = client.caller().headers(header_map(headers)?);
        Ok(Self { client, caller, url })
    }

    /// Sends JSON to a path below the URL, and waits for the response for at most this time.
    ///
    /// # Errors
    /// A message: no response came in this time, or the server does not take the request.
    pub fn send(&self, path: &str, body: Vec<u8>, time: Duration) -> Result<(), String> {
        let url = HttpUrl::parse(&format!("{}{path}", self.url)).map_err(|problem| problem.to_string())?;
        let (reply, answer) = channel();
        let caller = self.caller.clone();
        // Ends the request when the wait ends.
        let _task = self
            .client
            .spawn(async move {
                let _ = reply.send(caller.post_json(&url, body.into()).await);
            })
            .map_err(|error| error.to_string())?;
        match answer.recv_timeout(time) {
            Ok(Ok(response)) if response.status.is_success() => Ok(()),
            Ok(Ok(response)) => Err(format!("the collector answers with status {}", response.status)),
            Ok(Err(CallError::Failed(message) | CallError::TooLarge(message) | CallError::Denied(message))) => {
                Err(message)
            }
            Err(RecvTimeoutError::Timeout) => Err(format!("there was no answer in {:.1} s", time.as_secs_f32())),
            Err(RecvTimeoutError::Disconnected) => Err("the request was broken off".into()),
        }
    }
}

impl fmt::Debug for TelemetrySender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetrySender").finish_non_exhaustive()
    }
}

fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        // The messages of these errors contain no value.
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|error| format!("a header has no name: {error}"))?;
        let mut value = HeaderValue::from_str(value).map_err(|error| format!("the header {key}: {error}"))?;
        value.set_sensitive(true);
        map.insert(key, value);
    }
    Ok(map)
}
