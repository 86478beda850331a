//! Open connections of one step that wait for their next request.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::connection::Connection;
use crate::grants::{HttpUrl, Scheme, UrlHost};

/// How long a connection may wait. Servers close idle connections after one to several minutes.
const IDLE: Duration = Duration::from_secs(50);
/// The most connections that wait, whatever the number of hosts.
const MAX_IDLE: usize = 256;

/// What a connection may be used for. It includes the grant under which its address was checked, so that no request skips
/// the check of its own grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) grant: usize,
    scheme: Scheme,
    host: UrlHost,
    port: u16,
}

impl Key {
    pub(super) fn new(grant: usize, url: &HttpUrl) -> Self {
        Self { grant, scheme: url.scheme, host: url.host.clone(), port: url.port }
    }
}

/// The connections that wait.
#[derive(Default)]
pub(super) struct ConnectionPool {
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    key: Key,
    connection: Connection,
    since: Instant,
}

impl ConnectionPool {
    /// Takes a connection. One of HTTP/2 stays in the pool as well.
    pub(super) fn take(&self, key: &Key) -> Option<Connection> {
        let now = Instant::now();
        let mut idle = self.idle.lock();
        idle.retain(|idle| idle.connection.is_open() && now.duration_since(idle.since) < IDLE);
        // The one that was used last is the least likely to be closed by its server.
        let index = idle.iter().rposition(|idle| idle.key == *key)?;
        match &idle[index].connection {
            Connection::Http2(shared) => {
                let shared = shared.clone();
                idle[index].since = now;
                Some(Connection::Http2(shared))
            }
            Connection::Http1(_) => Some(idle.remove(index).connection),
        }
    }

    /// Adds a connection.
    pub(super) fn put(&self, key: Key, connection: Connection) {
        let mut idle = self.idle.lock();
        if connection.is_http2() && idle.iter().any(|idle| idle.key == key && idle.connection.is_http2()) {
            return;
        }
        if idle.len() >= MAX_IDLE {
            idle.remove(0);
        }
        idle.push(Idle { key, connection, since: Instant::now() });
    }

    /// Removes a connection that turned out to be closed.
    pub(super) fn forget_closed(&self) {
        self.idle.lock().retain(|idle| idle.connection.is_open());
    }
}
