//! The requests of one step: its grants, its secrets and its connections.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use tokio::sync::Semaphore;

use super::network::{Network, Services};
use super::pace::Pace;
use super::pool::ConnectionPool;
use super::store::ResponseStore;
use crate::grants::{Grants, HttpGrant, HttpLimits, RecordedExchange, Recorder, Redactor, Secret};

/// Sends the requests of one step, for all its instances.
pub(crate) struct Client {
    pub(super) network: Arc<Network>,
    pub(super) shared: Arc<ClientState>,
}

/// The part of a client that the tasks of its requests share. It does not keep the network's thread running.
pub(super) struct ClientState {
    pub(super) services: Arc<Services>,
    pub(super) grants: Vec<ReadyGrant>,
    pub(super) redactor: Redactor,
    pub(super) pool: ConnectionPool,
    /// Takes the place of the network, if there are any.
    pub(super) recorded: Vec<RecordedExchange>,
    /// Collects what is sent.
    pub(super) recorder: Option<Recorder>,
    /// Responses of earlier calls and runs, if they are used.
    pub(super) store: Option<Arc<dyn ResponseStore>>,
}

/// A grant with the values of its secrets.
pub(super) struct ReadyGrant {
    pub(super) grant: HttpGrant,
    pub(super) secret: Option<(HeaderName, HeaderValue)>,
    /// The places for requests that are sent at the same time.
    pub(super) places: Arc<Semaphore>,
    /// The times at which requests may be sent. `None` without a limit.
    pub(super) pace: Option<Pace>,
}

impl Client {
    /// Creates the client of a step.
    ///
    /// # Errors
    /// The name of a secret that is missing.
    pub(crate) fn new(
        network: Arc<Network>,
        grants: &Grants,
        secrets: &BTreeMap<String, Secret>,
        redactor: Redactor,
        recorder: Option<&Recorder>,
        store: Option<&Arc<dyn ResponseStore>>,
    ) -> Result<Self, String> {
        let ready = |grant: &HttpGrant| {
            let secret = grant.secret_header().map(|header| {
                let name = HeaderName::from_bytes(header.name().as_bytes()).map_err(|error| error.to_string())?;
                // The text of this error contains no value.
                let mut value = HeaderValue::from_str(&header.value(secrets)?).map_err(|error| error.to_string())?;
                value.set_sensitive(true);
                Ok::<_, String>((name, value))
            });
            let places = Arc::new(Semaphore::new(grant.own_limits().concurrency as usize));
            let pace = grant.own_limits().requests_per_minute.map(Pace::new);
            Ok(ReadyGrant { grant: grant.clone(), secret: secret.transpose()?, places, pace })
        };
        let responses = grants.recorded.clone();
        let grants = grants.http.iter().map(ready).collect::<Result<_, String>>()?;
        let (services, pool) = (Arc::clone(network.services()), ConnectionPool::default());
        let (recorder, store) = (recorder.cloned(), store.cloned());
        let shared = ClientState { services, grants, redactor, pool, recorded: responses, recorder, store };
        Ok(Self { network, shared: Arc::new(shared) })
    }

    /// Returns whether a header carries a secret, so that guests may not set it.
    pub(super) fn is_secret_header(&self, name: &HeaderName) -> bool {
        self.shared.grants.iter().any(|grant| grant.secret.as_ref().is_some_and(|(own, _)| own == name))
    }
}

impl ClientState {
    /// Returns the most bytes that the body of a request may have: the largest limit of the grants, or the default one without grants.
    pub(super) fn request_bytes(&self) -> u64 {
        let limits = self.grants.iter().map(|ready| ready.grant.own_limits().request_bytes);
        limits.max().unwrap_or(HttpLimits::default().request_bytes)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("grants", &self.shared.grants.len()).finish_non_exhaustive()
    }
}
